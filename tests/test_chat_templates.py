"""Chat templates of every form: what ends an answer, what a template drops, and what it refuses to render."""

import json
import shutil
from pathlib import Path

import pytest

from coma_cli.chat_templates import OTHER_TEMPLATE, source_of
from coma_cli.errors import UsageError
from coma_cli.prompting import (
    PromptTemplate,
    chat_template_of,
    encode_answer,
    encode_prompt,
    render,
    stop_texts,
    stop_token_id,
    stop_token_ids,
)
from tests.requirements import SHARED, package, skip_unless
from tests.tiny_model import CHAT_TEMPLATE, make_tiny_tokenizer

PLAIN_END = (
    "{% for m in messages %}## {{ m['role'] }}\n{{ m['content'] }}\n## stop\n{% endfor %}"
    "{% if add_generation_prompt %}## assistant\n{% endif %}"
)
PARTS = CHAT_TEMPLATE.replace(
    "{{ message['content'] }}", "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}"
)
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


@pytest.fixture
def tokenizer():
    package("transformers", "train")
    return make_tiny_tokenizer()


def with_template(tokenizer, template):
    tokenizer.chat_template = template
    return tokenizer


def test_an_end_token_that_the_tokenizer_lacks_is_named_and_not_cut_to_its_first_character(tokenizer):
    with pytest.raises(UsageError, match=r"ends answers with <\|eot_id\|>, which is not a token") as caught:
        chat_template_of(with_template(tokenizer, CHAT_TEMPLATE.replace("im_end", "eot_id")))
    assert OTHER_TEMPLATE in caught.value.hint


@pytest.mark.parametrize("end", ["</s>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "[/INST]"])
def test_other_forms_of_end_tokens_are_recognized(tokenizer, end):
    with pytest.raises(UsageError, match="not a token of its tokenizer"):
        chat_template_of(with_template(tokenizer, CHAT_TEMPLATE.replace("<|im_end|>", end)))


def test_an_end_text_is_trained_and_stopped_at_as_a_whole(tokenizer):
    template = chat_template_of(with_template(tokenizer, PLAIN_END))
    assert (template.stop, template.end) == (None, "\n## stop")
    assert stop_texts(template) == ("\n## stop",)
    ids = encode_answer(template, tokenizer, "x = 1")
    assert tokenizer.decode(ids) == "x = 1\n## stop<|im_end|>"
    assert stop_token_ids(template, tokenizer) == (tokenizer.eos_token_id,)


def test_an_end_text_needs_no_end_of_sequence_token(tokenizer):
    tokenizer.eos_token = None
    template = chat_template_of(with_template(tokenizer, PLAIN_END))
    assert stop_token_ids(template, tokenizer) == ()
    assert tokenizer.decode(encode_answer(template, tokenizer, "x")) == "x\n## stop"


def test_without_an_end_the_end_of_sequence_token_ends_an_answer(tokenizer):
    template = chat_template_of(with_template(tokenizer, PLAIN_END.replace("## stop\n", "")))
    assert (template.stop, template.end) == ("<|im_end|>", None)


def test_an_end_token_counts_without_an_end_of_sequence_token(tokenizer):
    tokenizer.eos_token = None
    template = chat_template_of(with_template(tokenizer, CHAT_TEMPLATE))
    assert stop_token_id(template, tokenizer) == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_a_template_that_reads_content_as_parts_gets_parts(tokenizer):
    template = chat_template_of(with_template(tokenizer, PARTS))
    assert (template.kind, template.stop) == ("chat-parts", "<|im_end|>")
    assert render(template, tokenizer, "Add.", "1 2") == (
        "<|im_start|>user\nAdd.\n\n1 2<|im_end|>\n<|im_start|>assistant\n"
    )
    assert "Add." in tokenizer.decode(encode_prompt(template, tokenizer, "Add."))


@pytest.mark.parametrize("form", [list, dict])
def test_of_several_templates_the_default_counts(tokenizer, form):
    several = {"default": CHAT_TEMPLATE, "tool_use": "TOOLS"}
    value = several if form is dict else [{"name": n, "template": t} for n, t in several.items()]
    assert source_of(with_template(tokenizer, value)) == CHAT_TEMPLATE
    assert chat_template_of(tokenizer).stop == "<|im_end|>"


def test_several_templates_without_a_default_are_named(tokenizer):
    with pytest.raises(UsageError, match="chat templates for rag, tool_use, but no default"):
        chat_template_of(with_template(tokenizer, {"rag": CHAT_TEMPLATE, "tool_use": "T"}))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ raise_exception('wants documents') }}", "wants documents"),
        ("{{ messages[0]['content'] + 1 }}", "can't render"),
        ("{% for m in messages %}", "can't render"),
        ("<|im_start|>user\n{{ question }}<|im_end|>", "drops the instruction"),
        (
            "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}<|im_end|>{% endfor %}",
            "drops the answer",
        ),
        ("{% for m in messages %}{{ m['content'] | replace('<', '&lt;') }}<|im_end|>{% endfor %}", "drops the"),
    ],
)
def test_a_template_that_can_not_be_used_says_why(tokenizer, source, message):
    with pytest.raises(UsageError, match=message):
        chat_template_of(with_template(tokenizer, source))


def test_a_prompt_does_not_change_with_the_date(tokenizer):
    dated = "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}\n{% endif %}" + CHAT_TEMPLATE
    template = chat_template_of(with_template(tokenizer, dated))
    assert render(template, tokenizer, "Add.").startswith("26 Jul 2024\n<|im_start|>user\nAdd.")


def test_variables_of_a_template_are_part_of_it(tokenizer, tmp_path):
    with_template(tokenizer, THINKING)
    on, off = chat_template_of(tokenizer), chat_template_of(tokenizer, {"enable_thinking": False})
    assert render(on, tokenizer, "Add.").endswith("assistant\n")
    assert render(off, tokenizer, "Add.").endswith("assistant\n<think>\n\n</think>\n\n")
    assert on.sha256 != off.sha256
    off.save(tmp_path)
    assert PromptTemplate.load(tmp_path) == off
    assert on.sha256 == PromptTemplate("other name", "chat", THINKING, "<|im_end|>").sha256


def test_the_fields_of_later_versions_do_not_change_the_hash_of_earlier_templates(tmp_path, tokenizer):
    template = chat_template_of(with_template(tokenizer, PLAIN_END))
    template.save(tmp_path)
    assert PromptTemplate.load(tmp_path) == template
    assert "end" in json.loads((tmp_path / "coma_template.json").read_text())


# What each of the shared tokenizers gives: the stop token and end text, or what the error says.
SHARED_FORMS = {
    "15-stop-token-not-in-vocabulary/base": "is not a token of its tokenizer",
    "16-template-list/base-date": ("<|im_end|>", None),
    "16-template-list/base-list": ("<|im_end|>", None),
    "16-template-list/base-list-nodefault": "no default",
    "16-template-list/base-noend": ("<|im_end|>", None),
    "16-template-list/base-noeos": ("<|im_end|>", None),
    "16-template-list/base-parts": ("<|im_end|>", None),
    "16-template-list/base-plain-end": (None, "\n### end"),
    "16-template-list/base-raise": "this template wants documents",
    "16-template-list/base-strict": ("<|im_end|>", None),
}


@pytest.mark.parametrize("name", SHARED_FORMS)
def test_the_collected_templates(name, tmp_path):
    package("transformers", "train")
    from transformers import AutoTokenizer

    folder: Path = SHARED / "fault-cases" / name
    skip_unless("shared", folder.is_dir(), "the fault cases are not at ../shared/fault-cases")
    tokenizer = AutoTokenizer.from_pretrained(shutil.copytree(folder, tmp_path / "base"))
    expected = SHARED_FORMS[name]
    if isinstance(expected, str):
        with pytest.raises(UsageError, match=expected):
            chat_template_of(tokenizer)
        return
    template = chat_template_of(tokenizer)
    assert (template.stop, template.end) == expected
    assert "Add two numbers." in tokenizer.decode(encode_prompt(template, tokenizer, "Add two numbers."))
    text = tokenizer.decode(encode_answer(template, tokenizer, "return 1"))
    assert text.startswith("return 1") and text.endswith(("<|im_end|>", "<|endoftext|>"))
