"""Rows as token ids: the loss is on the answer and its stop token, and no answer is ever cut."""

from coma_cli.prompting import ALPACA, CAPYBARA, CHATML, chat_template_of, choose_template, stop_token_id
from coma_cli.records import DroppedRow
from coma_cli.training.encoding import NO_LABEL, EncodedRow, encode_row, encode_rows
from coma_cli.training.examples import TrainingRow
from coma_cli.training.layouts import Turn
from tests.tiny_model import make_tiny_tokenizer


def row(output: str, instruction: str = "Add.") -> TrainingRow:
    return TrainingRow("0/1", "test", instruction, "1 2", output)


def test_labels_are_the_answer_and_its_stop_token_and_nothing_else():
    tokenizer = make_tiny_tokenizer()
    for template in (ALPACA, CHATML):
        encoded = encode_row(row("<|im_end|> is 3"), template, tokenizer)
        learnt = [label for label in encoded.labels if label != NO_LABEL]
        assert learnt[-1] == stop_token_id(template, tokenizer)
        assert tokenizer.decode(learnt[:-1]) == "<|im_end|> is 3"
        assert encoded.labels.count(NO_LABEL) == encoded.answer_start > 0
        assert len(encoded.labels) == len(encoded.ids)


def test_a_row_fits_exactly_or_is_left_out_with_the_numbers():
    tokenizer = make_tiny_tokenizer()
    length = len(encode_row(row("x" * 50), ALPACA, tokenizer).ids)
    kept, dropped = [
        *encode_rows([row("x" * 50)], ALPACA, tokenizer, length),
        *encode_rows([row("x" * 50)], ALPACA, tokenizer, length - 1),
    ]
    assert isinstance(kept, EncodedRow) and len(kept.ids) == length
    assert isinstance(dropped, DroppedRow)
    assert dropped.reason == "too long"
    assert dropped.detail.startswith(f"{length} tokens") and dropped.detail.endswith(f"at most {length - 1}")


def test_the_whole_end_text_of_an_answer_is_trained():
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}## {{ m['role'] }}\n{{ m['content'] }}\n## stop\n{% endfor %}"
        "{% if add_generation_prompt %}## assistant\n{% endif %}"
    )
    encoded = encode_row(TrainingRow("1", "s", "Add.", "", "a + b"), chat_template_of(tokenizer), tokenizer)
    assert tokenizer.decode(encoded.ids[encoded.answer_start :]) == "a + b\n## stop<|im_end|>"
    assert [label for label in encoded.labels if label != NO_LABEL] == list(encoded.ids[encoded.answer_start :])


TURNS = (Turn("Say <|im_end|>.", "<|im_end|> it is"), Turn("Again.", " twice "))


def conversation(**more) -> TrainingRow:
    return TrainingRow("0/1", "test", "Add.", "", "3", earlier=TURNS, **more)


def trained(encoded: EncodedRow, tokenizer) -> list[str]:
    return [tokenizer.decode(encoded.ids[start:end]) for start, end in encoded.spans]


def test_every_answer_of_a_conversation_and_its_end_is_trained():
    tokenizer = make_tiny_tokenizer()
    for template in (ALPACA, CHATML, chat_template_of(tokenizer)):
        encoded = encode_row(conversation(), template, tokenizer)
        assert trained(encoded, tokenizer) == ["<|im_end|> it is<|im_end|>", " twice <|im_end|>", "3<|im_end|>"]
        end = stop_token_id(template, tokenizer)
        assert all(encoded.ids[stop - 1] == end for _, stop in encoded.spans)
        assert [label for label in encoded.labels if label != NO_LABEL] == [
            token for start, stop in encoded.spans for token in encoded.ids[start:stop]
        ]


def test_a_conversation_reads_as_the_chat_template_renders_it_but_for_spelled_tokens():
    tokenizer = make_tiny_tokenizer()
    messages = [{"role": "system", "content": "Be short."}]
    for question, answer in (*TURNS, ("Add.", "3")):
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False)
    for template in (chat_template_of(tokenizer), CHATML):
        encoded = encode_row(conversation(system="Be short."), template, tokenizer)
        text = tokenizer.decode(encoded.ids)
        if template.is_chat:
            assert text + "\n" == rendered
        else:  # it has no place for a system text
            assert text.startswith("<|im_start|>user\nBe short.\n\nSay <|im_end|>.<|im_end|>\n<|im_start|>assistant\n")
            assert text.count("<|im_end|>\n<|im_start|>user\n") == 2
    end = stop_token_id(CHATML, tokenizer)
    assert encoded.ids.count(end) == 6, "tokens spelled in a text are text"


def test_a_template_that_strips_answers_trains_them_as_it_shows_them():
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = tokenizer.chat_template.replace("message['content']", "message['content'] | trim")
    encoded = encode_row(conversation(), chat_template_of(tokenizer), tokenizer)
    assert trained(encoded, tokenizer) == ["<|im_end|> it is<|im_end|>", "twice<|im_end|>", "3<|im_end|>"]


def test_a_template_without_a_place_for_a_system_text_gets_it_with_the_first_question():
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    encoded = encode_row(conversation(system="Be short."), chat_template_of(tokenizer), tokenizer)
    assert tokenizer.decode(encoded.ids).startswith("<|im_start|>user\nBe short.\n\nSay ")


def test_a_template_that_rewrites_earlier_turns_drops_the_row_with_that_reason():
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if loop.last or m['role'] == 'user' %}"
        "{{ m['content'] }}{% else %}...{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    rows = [conversation(), row("3")]
    dropped, kept = encode_rows(rows, chat_template_of(tokenizer), tokenizer, 500)
    assert isinstance(dropped, DroppedRow) and dropped.reason == "chat template rewrites earlier turns"
    assert isinstance(kept, EncodedRow)


def test_an_end_text_is_trained_after_every_answer_and_the_end_token_after_the_last():
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}## {{ m['role'] }}\n{{ m['content'] }}\n## stop\n{% endfor %}"
        "{% if add_generation_prompt %}## assistant\n{% endif %}"
    )
    encoded = encode_row(conversation(), chat_template_of(tokenizer), tokenizer)
    assert trained(encoded, tokenizer) == ["<|im_end|> it is\n## stop", " twice \n## stop", "3\n## stop<|im_end|>"]


def test_prompts_are_cut_where_that_is_wanted_and_answers_never():
    tokenizer = make_tiny_tokenizer()
    long_input = TrainingRow("1", "s", "Add.", "9 " * 200, "3")
    long_instruction = TrainingRow("2", "s", "word " * 40, "", "3")
    hopeless = TrainingRow("3", "s", "Add.", "", "3 " * 400)
    rows = [long_input, long_instruction, hopeless, conversation(), row("3")]
    whole = [len(encode_row(one, CHATML, tokenizer).ids) for one in rows]
    found = [*encode_rows(rows, CHATML, tokenizer, 150, cut_prompts=True)]
    assert [isinstance(one, EncodedRow) for one in found] == [True, True, False, True, True]
    for one, length in zip((found[0], found[1]), whole, strict=False):
        assert len(one.ids) <= 150 and one.cut == length - len(one.ids) > 0
        assert trained(one, tokenizer) == ["3<|im_end|>"]
    assert len(found[0].ids) > 140, "no more is cut than has to be"
    assert "Add." in tokenizer.decode(found[0].ids)
    (fewer,) = encode_rows([conversation()], CHATML, tokenizer, whole[3] - 1, cut_prompts=True)
    assert trained(fewer, tokenizer) == [" twice <|im_end|>", "3<|im_end|>"]
    assert [type(one) for one in encode_rows(rows[:2], CHATML, tokenizer, 150)] == [DroppedRow] * 2


def test_a_conversation_in_fireflys_form_has_an_end_token_after_each_text_and_trains_the_answers():
    """../shared/reference/seed-recipes.md, section 1: BOS, then per turn human text, EOS, assistant text, EOS."""
    tokenizer = make_tiny_tokenizer()
    end = tokenizer.eos_token
    earlier = (Turn("Add.", "3"), Turn("More.", "4"))
    row = TrainingRow("0/1", "test", "Last.", "", "5", earlier=earlier)
    encoded = encode_row(row, choose_template("firefly", tokenizer), tokenizer)
    assert tokenizer.decode(encoded.ids) == end + "".join(
        f"{t}{end}" for t in ("Add.", "3", "More.", "4", "Last.", "5")
    )
    assert trained(encoded, tokenizer) == [f"3{end}", f"4{end}", f"5{end}"]


def test_the_prompt_of_a_row_follows_its_source():
    tokenizer = make_tiny_tokenizer()
    for source, prompt in (("gen-instructions", "Add. Output: "), ("mbpp", "Add."), ("code_contests", "Add. Output: ")):
        encoded = encode_row(TrainingRow("0/1", source, "Add.", "", "3"), CAPYBARA, tokenizer)
        assert tokenizer.decode(encoded.ids[: encoded.answer_start]) == prompt
