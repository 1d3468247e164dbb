"""The planted docstrings of ../shared and a set of our own; neither was used to choose the words and thresholds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.text_language import identification
from coma_cli.text_language.identification import CHINESE, ENGLISH, identify, not_simplified, text_language_of
from tests.requirements import SHARED, skip_unless
from tests.text_language import docstrings

LATIN = frozenset(docstrings.FOREIGN)


def test_texts_in_latin_letters_that_are_not_english_are_recognized():
    texts = [text for of_language in docstrings.FOREIGN.values() for text in of_language]
    missed = [text for text in texts if text_language_of(text) is not None]
    assert len(missed) <= 0.05 * len(texts), missed


@pytest.mark.parametrize("text", docstrings.ENGLISH)
def test_short_english_texts_pass(text):
    assert identify(text) == ENGLISH


@pytest.mark.parametrize("text", docstrings.CHINESE)
def test_chinese_with_addresses_and_english_terms_is_chinese(text):
    assert identify(text) == CHINESE


@pytest.mark.parametrize("text", docstrings.OTHER_SCRIPTS)
def test_other_scripts_are_neither_english_nor_chinese(text):
    assert text_language_of(text) is None


def test_planted_docstrings():
    path = SHARED / "planted" / "docstrings.jsonl"
    skip_unless("shared", path.is_file(), "the planted docstrings are not at ../shared/planted")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    foreign = [row["text"] for row in rows if row["_want"] in LATIN]
    english = [row["text"] for row in rows if row["_want"] == ENGLISH]
    chinese = [row["text"] for row in rows if row["_want"] == CHINESE]
    assert sum(text_language_of(text) is None for text in foreign) >= 0.95 * len(foreign)
    assert sum(text_language_of(text) == "en" for text in english) >= 0.99 * len(english)
    assert all(text_language_of(text) == "cn" for text in chinese)


def test_the_words_are_of_one_kind_only():
    english, shared = identification.english_words(), identification.shared_words()
    assert not english & shared
    assert {"the", "returns", "with"} <= english
    assert {"in", "no", "server"} <= shared


def test_the_model_is_not_asked_about_plain_english(monkeypatch):
    def asked():
        raise AssertionError("the model is slow and takes memory")

    monkeypatch.setattr(identification, "detector", asked)
    assert identify("Return the position of the first item that matches, or -1 (uncached).") == ENGLISH


@given(st.text(max_size=200))
def test_any_text_has_a_language(text):
    assert identify(text)


@pytest.mark.parametrize("text", ["検索結果数", "戻値確認", "文字列変換処理"])
def test_japanese_without_kana_is_known_by_its_characters(text):
    assert identify(text) == "ja"


@pytest.mark.parametrize("text", ["返回数值总和", "函数返回数据", "默认值", "預設值", "设置检查点"])
def test_short_chinese_stays_chinese(text):
    assert identify(text) == "zh"


def test_characters_that_simplified_chinese_writes_otherwise():
    assert not_simplified("請编寫函数 f") == sorted("請寫")


@pytest.mark.parametrize(
    "text", ["Transform github -> git in source", "Convert csv -> json", "Rename foo -> bar in config"]
)
def test_an_english_verb_before_names_is_english(text):
    assert identify(text) == "en"
