"""The key of a chat server: cleaned, checked, and in no message in any form."""

import json
from urllib.parse import quote

import pytest

from coma_cli.engines.openai_key import api_key, flaw_of_key, without_key

KEY = "sk-test/1+2=abcdef"


@pytest.mark.parametrize("around", ["{}", "{}\n", "  {}", "{}\r\n", "\t{} "])
def test_white_space_around_the_key_goes(monkeypatch, around):
    monkeypatch.setenv("OPENAI_API_KEY", around.format(KEY))
    assert api_key() == KEY and flaw_of_key() is None


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nb", "sk-\u00fc", "sk-\u200b", "sk-\x07"])
def test_a_key_that_no_header_holds_is_refused_without_showing_it(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    flaw = flaw_of_key()
    assert flaw is not None and "OPENAI_API_KEY" in flaw.message
    assert key not in flaw.message + (flaw.hint or "")


def test_no_key_is_no_flaw(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert flaw_of_key() is None and api_key() == "" and without_key("text") == "text"


@pytest.mark.parametrize(
    "form", [str, repr, json.dumps, lambda key: quote(key, safe=""), lambda key: repr(key.encode()), str.strip]
)
@pytest.mark.parametrize("key", [KEY, f"{KEY}\n", f"{KEY} second-half-of-it\n", f'{KEY}"\\'])
def test_no_form_of_the_key_is_left_in_a_message(monkeypatch, key, form):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    shown = without_key(f"Illegal header value {form(key)}!")
    assert "abcdef" not in shown and "second-half" not in shown and "***" in shown


def test_parts_too_short_to_be_a_key_stay(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a long key with words")
    assert without_key("a status with no key") == "a status with no key"
