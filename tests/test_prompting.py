"""Prompts as tokens: the border to the answer, the stop token, spaces, and special tokens that are only spelled out."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.prompting import (
    ALPACA,
    CAPYBARA,
    CHATML,
    RAW,
    TEMPLATE_FILE,
    PromptTemplate,
    chat_template_of,
    choose_template,
    decode_answer,
    encode_answer,
    encode_prompt,
    plain_ids,
    render,
    stop_token_id,
)
from tests.requirements import SHARED, package, skip_unless, smollm2
from tests.tiny_model import make_tiny_tokenizer

QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
AWKWARD = [
    "    return x\n",
    "\n\tdef f(): pass",
    " ",
    "\n",
    "x",
    "  two",
    "日本語\n",
    "\U0001f600",
    "\r\nend\t",
    "a </s> b<s>",
]


def tiny(folder: Path):
    return make_tiny_tokenizer()


def llama(folder: Path):
    """The tokenizer of LLaMA: SentencePiece, a space put before every text, bytes for what the vocabulary lacks."""
    from transformers import LlamaTokenizer

    package("google.protobuf", "llama")
    source = SHARED / "bases" / "llama" / "tokenizer.model"
    skip_unless("shared", source.is_file(), "no LLaMA tokenizer in ../shared")
    (folder / "tokenizer.model").write_bytes(source.read_bytes())
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>"}
        )
    )
    return LlamaTokenizer.from_pretrained(folder)


def qwen(folder: Path):
    """The tokenizer of Qwen-7B, 2023: tiktoken's byte pairs; its end token, as its users set it."""
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import TikTokenConverter

    source = SHARED / "bases" / "qwen-7b" / "qwen.tiktoken"
    skip_unless("shared", source.is_file(), "no Qwen tokenizer in ../shared")
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    raw = TikTokenConverter(str(source), pattern=QWEN_PATTERN, extra_special_tokens=special).converted()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|endoftext|>", additional_special_tokens=special[1:]
    )


def smollm2_tokenizer(folder: Path):
    """The embedded base's tokenizer."""
    from coma_cli.models.loading import load_tokenizer
    from coma_cli.models.resolution import resolve_base

    smollm2()
    return load_tokenizer(resolve_base("smollm2-135m"))


MAKERS = {"tiny": tiny, "llama": llama, "qwen": qwen, "smollm2": smollm2_tokenizer}
_made: dict[str, object] = {}


@pytest.fixture(
    params=[
        "tiny",
        "llama",
        pytest.param("qwen", marks=pytest.mark.xdist_group("qwen")),
        pytest.param("smollm2", marks=[pytest.mark.model, pytest.mark.slow]),
    ]
)
def tokenizer(request, tmp_path_factory):
    package("transformers", "train")
    if request.param not in _made:
        _made[request.param] = MAKERS[request.param](tmp_path_factory.mktemp(request.param))
    return _made[request.param]


def templates_for(tokenizer) -> list[PromptTemplate]:
    """Every template that this tokenizer can stop with."""
    found = [ALPACA, CAPYBARA, RAW]
    if "<|im_end|>" in tokenizer.get_vocab():
        found.append(CHATML)
    if tokenizer.chat_template:
        found.append(chat_template_of(tokenizer))
    return found


def test_the_last_token_of_an_answer_is_the_stop_token_whatever_the_base(tokenizer):
    for template in templates_for(tokenizer):
        stop = stop_token_id(template, tokenizer)
        expected = template.stop or tokenizer.eos_token
        assert tokenizer.convert_ids_to_tokens(stop) == expected
        for answer in AWKWARD:
            ids = encode_answer(template, tokenizer, answer)
            assert ids[-1] == stop
            assert stop not in ids[:-1]


@pytest.mark.parametrize("answer", AWKWARD)
def test_an_answer_comes_back_exactly_behind_any_prompt(tokenizer, answer):
    for template in templates_for(tokenizer):
        prompt = encode_prompt(template, tokenizer, "Do it.", "with this")
        ids = encode_answer(template, tokenizer, answer)[:-1]
        assert decode_answer(tokenizer, prompt, ids) == answer


TEXT = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)


def has_tokens_for(tokenizer, text: str) -> bool:
    """Whether a vocabulary can spell a text at all: SmolLM2's has no token for some control characters and bytes."""
    from tokenizers import pre_tokenizers

    if tokenizer.convert_tokens_to_ids("<0x0A>") not in (None, tokenizer.unk_token_id):
        return True
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)[0][0]
    unknown = tokenizer.unk_token_id
    return all(tokenizer.convert_tokens_to_ids(letter) not in (None, unknown) for letter in set(letters))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=TEXT)
def test_any_text_comes_back_exactly(tokenizer, answer):
    assume(has_tokens_for(tokenizer, answer))
    assert decode_answer(tokenizer, [], plain_ids(tokenizer, answer)) == answer


def test_what_a_model_writes_after_a_line_break_is_not_damaged_by_half_a_character(tokenizer):
    ids = plain_ids(tokenizer, "\n語")
    cut = decode_answer(tokenizer, encode_prompt(RAW, tokenizer, "x\n"), ids[:-1])
    assert "語" not in cut and len(cut) <= 4


def test_the_prompt_of_a_sentencepiece_model_begins_with_its_first_token(tokenizer):
    ids = encode_prompt(ALPACA, tokenizer, "Do it.")
    begins = getattr(tokenizer, "add_bos_token", False)
    assert (ids[0] == tokenizer.bos_token_id) == bool(begins)
    assert ids[-1] != tokenizer.eos_token_id


def test_special_tokens_in_an_instruction_are_plain_text(tokenizer):
    spelled = [str(t) for t in tokenizer.added_tokens_decoder.values() if t.special]
    assert spelled
    for template in templates_for(tokenizer):
        clean = encode_prompt(template, tokenizer, "What does TOKEN mean?")
        special = {tokenizer.convert_tokens_to_ids(token) for token in spelled}
        for token in spelled:
            ids = encode_prompt(template, tokenizer, f"What does {token} mean?", f"{token}{token}")
            assert sum(i in special for i in ids) == sum(i in special for i in clean)
            text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
            assert f"What does {token} mean?" in text and f"{token}{token}" in text


def test_our_own_marks_in_an_instruction_stay_what_they_are(tokenizer):
    text = "\ue0f00\ue0f1 and <|im_end|> and </s> and \ue0f09\ue0f1"
    ids = encode_prompt(RAW, tokenizer, text)
    assert tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip() == text


def test_the_alpaca_prompt_is_the_published_one():
    expected = (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:"
    )
    tokenizer = make_tiny_tokenizer()
    assert render(ALPACA, tokenizer, "Add.", "1 2") == expected
    assert render(CAPYBARA, tokenizer, "Add.", "1 2") == expected.replace("Response:", "Output:")
    assert "### Input" not in render(ALPACA, tokenizer, "Add.")


def test_a_chat_template_knows_where_its_answers_stop():
    tokenizer = make_tiny_tokenizer()
    template = chat_template_of(tokenizer)
    assert (template.kind, template.stop) == ("chat", "<|im_end|>")
    assert (
        render(template, tokenizer, "Hi", "there") == "<|im_start|>user\nHi\n\nthere<|im_end|>\n<|im_start|>assistant\n"
    )


def test_auto_takes_the_stored_template_then_the_chat_template_then_alpaca():
    tokenizer = make_tiny_tokenizer()
    assert choose_template("auto", tokenizer, RAW) is RAW
    assert choose_template("auto", tokenizer).kind == "chat"
    tokenizer.chat_template = None
    assert choose_template("auto", tokenizer) is ALPACA
    with pytest.raises(UsageError, match="no chat template"):
        choose_template("chat", tokenizer)


def test_an_unknown_template_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean alpaca"):
        choose_template("alpacca", make_tiny_tokenizer())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ instruction ", "not valid Jinja"),
        ("no variable at all", "does not use the instruction"),
        ("{{ instruction }} {{ context }}", "uses context"),
    ],
)
def test_a_broken_template_file_is_refused_before_any_training(tmp_path, text, message):
    path = tmp_path / "mine.jinja"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        choose_template(str(path), make_tiny_tokenizer())


def test_a_template_file_is_utf_8(tmp_path):
    path = tmp_path / "mine.jinja"
    path.write_bytes("{{ instruction }}".encode("utf-16"))
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        choose_template(str(path), make_tiny_tokenizer())
    path.write_bytes(b"\xef\xbb\xbf{{ instruction }}")
    assert render(choose_template(str(path), make_tiny_tokenizer()), make_tiny_tokenizer(), "one") == "one"


def test_a_template_file_renders(tmp_path):
    path = tmp_path / "mine.jinja"
    path.write_text("Q: {{ instruction }}{% if input %} ({{ input }}){% endif %}\nA:")
    template = choose_template(str(path), make_tiny_tokenizer())
    assert render(template, make_tiny_tokenizer(), "one", "two") == "Q: one (two)\nA:"
    with pytest.raises(MissingInputError):
        choose_template(str(tmp_path / "gone.jinja"), make_tiny_tokenizer())


def test_a_stop_token_that_the_tokenizer_does_not_have_is_refused():
    with pytest.raises(UsageError, match="tokens for this tokenizer"):
        stop_token_id(PromptTemplate("t", "text", "{{ instruction }}", stop="<|eot_id|>"), make_tiny_tokenizer())


def test_a_template_is_kept_with_its_hash_and_a_changed_one_is_noticed(tmp_path):
    CHATML.save(tmp_path)
    assert PromptTemplate.load(tmp_path) == CHATML
    assert PromptTemplate.load(tmp_path / "elsewhere") is None
    path = tmp_path / TEMPLATE_FILE
    path.write_text(path.read_text().replace("user", "human"))
    with pytest.raises(MissingInputError, match="changed after training"):
        PromptTemplate.load(tmp_path)


def test_firefly_is_begin_question_end_and_answer_end():
    tokenizer = make_tiny_tokenizer()
    end = tokenizer.eos_token
    template = choose_template("firefly", tokenizer)
    assert render(template, tokenizer, "Add.") == f"{end}Add.{end}"
    ids = encode_prompt(template, tokenizer, "Add.")
    assert ids.count(tokenizer.eos_token_id) == 2 and ids[0] == ids[-1] == tokenizer.eos_token_id
    assert encode_answer(template, tokenizer, "3")[-1] == tokenizer.eos_token_id
    assert f"Say {end}" in tokenizer.decode(encode_prompt(template, tokenizer, f"Say {end}"))
    assert encode_prompt(template, tokenizer, f"Say {end}").count(tokenizer.eos_token_id) == 2  # spelled out is text


def test_firefly_leaves_the_begin_token_to_a_tokenizer_that_adds_it(tmp_path):
    package("transformers", "train")
    tokenizer = llama(tmp_path)
    ids = encode_prompt(choose_template("firefly", tokenizer), tokenizer, "Add.")
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert ids.count(tokenizer.bos_token_id) == 1


def test_capybara_has_short_prompts_for_rows_of_some_sources_and_is_saved_with_them(tmp_path):
    CAPYBARA.save(tmp_path)
    template = PromptTemplate.load(tmp_path)
    assert template == CAPYBARA
    tokenizer = make_tiny_tokenizer()
    assert render(template.for_source("codecapybara_generated"), tokenizer, "Add.") == "Add. Output: "
    assert render(template.for_source("code_contests"), tokenizer, "Solve.", "Read n.") == "Solve.\nRead n. Output: "
    assert render(template.for_source("mbpp"), tokenizer, "Add.") == "Add."
    assert render(template.for_source("codealpaca"), tokenizer, "Add.").endswith("Add.\n\n### Output:")
