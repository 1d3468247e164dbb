"""Rows as token ids: the loss is on the answer and its stop token, and no answer is ever cut."""

from coma_cli.prompting import ALPACA, CHATML, chat_template_of, stop_token_id
from coma_cli.records import DroppedRow
from coma_cli.training.encoding import NO_LABEL, EncodedRow, encode_row, encode_rows
from coma_cli.training.examples import TrainingRow
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
