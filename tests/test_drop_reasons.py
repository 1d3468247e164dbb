import ast

import pytest

from coma_cli.corpus.dropping import dropped
from coma_cli.drop_reasons import DROP_REASONS, require_known
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Example, Origin
from tests.requirements import ROOT

DROPPING = {"Rejected", "Refused", "dropped"}  # what makes a dropped row takes its reason as a text


def texts_of(node):
    """The texts that an expression may be, in both branches of a condition; none for what only running it tells."""
    if isinstance(node, ast.IfExp):
        return texts_of(node.body) | texts_of(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def codes_in(path):
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in DROPPING:
            for argument in call.args[:2]:
                yield from (text for text in texts_of(argument) if " " not in text)


def test_every_code_that_the_code_names_is_explained():
    named = {code for path in (ROOT / "coma_cli").rglob("*.py") for code in codes_in(path)} - {""}
    assert len(named) > 30
    assert named <= set(DROP_REASONS)


def test_a_code_is_one_word_and_its_meaning_a_phrase():
    for code, meaning in DROP_REASONS.items():
        assert code == code.lower() and " " not in code
        assert " " in meaning and not meaning.endswith(".") and "|" not in meaning


def test_a_code_without_a_meaning_is_an_error_where_it_is_used():
    row = Example(id="1", task="t", source="s", language="python", instruction="i", output="o", licence="MIT")
    for use in (
        lambda: require_known("odd"),
        lambda: Rejected("odd", "", Origin()),
        lambda: dropped(row, "odd"),
    ):
        with pytest.raises(ValueError, match=r"'odd' has no line in coma_cli\.drop_reasons"):
            use()
    assert Rejected("empty-code", "", Origin()).reason == dropped(row, "empty-code").reason == "empty-code"
