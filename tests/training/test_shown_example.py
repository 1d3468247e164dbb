"""The row that is shown before training, and the refusal to train nothing."""

import pytest

from coma_cli.errors import CliError
from coma_cli.prompting import ALPACA, CHATML
from coma_cli.training.encoding import EncodedRow, encode_row
from coma_cli.training.examples import TrainingRow
from coma_cli.training.layouts import Turn
from coma_cli.training.shown_example import marked, require_trained, show_example
from tests.tiny_model import make_tiny_tokenizer

ROW = TrainingRow("0/1", "s", "Add.", "", "3", earlier=(Turn("Say 2.", "2\x1b"),))


def test_what_is_trained_is_marked_and_nothing_else():
    tokenizer = make_tiny_tokenizer()
    text = marked(encode_row(ROW, CHATML, tokenizer), tokenizer)
    user, begins = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
    assert text.plain == f"{user}Say 2.{begins}\u27e62\\x1b<|im_end|>\u27e7\n{user}Add.{begins}\u27e63<|im_end|>\u27e7"
    assert [str(span.style) for span in text.spans] == ["dim", "bold green"] * 2


def test_a_long_row_is_shown_in_part(capsys):
    tokenizer = make_tiny_tokenizer()
    row = encode_row(TrainingRow("1", "s", "x" * 5000, "", "3"), CHATML, tokenizer)
    show_example(row, tokenizer)
    shown = capsys.readouterr().err
    assert f"{len(row.ids)} tokens" in shown and " [...] " in shown and len(shown) < 2000
    assert shown.rstrip().endswith("\u27e63<|im_end|>\u27e7")


def test_a_row_without_a_label_or_without_the_end_of_its_answer_stops_the_run():
    tokenizer = make_tiny_tokenizer()
    whole = encode_row(ROW, ALPACA, tokenizer)
    require_trained([whole], ALPACA, tokenizer)
    cut = EncodedRow("cut", whole.ids[:-1], whole.answer_start)
    with pytest.raises(CliError, match="end of the answer of row cut"):
        require_trained([whole, cut], ALPACA, tokenizer)
    nothing = EncodedRow("none", whole.ids, len(whole.ids))
    with pytest.raises(CliError, match="Row none would train nothing"):
        require_trained([nothing], ALPACA, tokenizer)
