import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.formats.text import optional_text, unify, unix_lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (math.nan, ""),
        ("", ""),
        (False, ""),
        ([], ""),
        ({}, ""),
        (0, "0"),
        (-3, "-3"),
        (0.0, "0"),
        (7.0, "7"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        ("nan", "nan"),
        (" x ", " x "),
        (True, None),
        ([0], None),
        ({"a": 1}, None),
    ],
)
def test_what_an_optional_column_holds(value, text):
    assert optional_text(value) == text


@given(st.text(st.sampled_from("\r\na\ufeff\u2028"), max_size=9))
def test_line_ends_are_unified_once_and_for_all(text):
    unified = unix_lines(text)
    assert "\r" not in unified and unix_lines(unified) == unified
    assert unified.split("\n") == text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert unify(f"\ufeff{text}") == unified
