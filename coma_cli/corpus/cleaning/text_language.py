"""Whether a text is in the language that its row claims: English or Chinese.

Other scripts are recognised by their letters, other languages in Latin letters by their most frequent words. A text
that is too short to tell passes.
"""

import re

from coma_cli.records import TextLanguage

_CHINESE = re.compile("[\u3400-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
# Letters of scripts that neither language uses: Greek to Georgian, Thai to Hangul and so on.
_OTHER_SCRIPT = re.compile("[\u0370-\u1cff\u3040-\u30ff\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")
_MOST_OTHER = 0.3
_MOST_CHINESE_IN_ENGLISH = 0.5
_LEAST_FOREIGN = 3
# Function words that identify a language, without those that occur in English or program code too.
_FOREIGN = frozenset(
    [
        "el",
        "los",
        "las",
        "que",
        "para",
        "una",
        "por",
        "del",
        "como",
        "está",
        "esta",
        "este",
        "uma",
        "não",
        "com",
        "os",
        "mais",
        "seu",
        "pela",
        "às",
        "le",
        "les",
        "une",
        "est",
        "pour",
        "dans",
        "avec",
        "sur",
        "cette",
        "qui",
        "pas",
        "ne",
        "aux",
        "der",
        "und",
        "ist",
        "nicht",
        "ein",
        "eine",
        "mit",
        "für",
        "den",
        "dem",
        "auf",
        "wird",
        "werden",
        "zu",
        "von",
        "il",
        "di",
        "che",
        "della",
        "gli",
        "sono",
        "het",
        "een",
        "van",
        "voor",
        "niet",
        "och",
        "att",
        "inte",
        "som",
        "для",
    ]
)
_ENGLISH = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "and",
        "is",
        "in",
        "for",
        "that",
        "with",
        "from",
        "this",
        "by",
        "if",
        "or",
        "be",
        "are",
        "as",
        "on",
        "it",
        "at",
        "which",
        "returns",
        "return",
        "get",
        "set",
    ]
)


def wrong_language(text: str, claimed: TextLanguage) -> str | None:
    """Why a text is not in the language that it is claimed to be in, or None."""
    if not text.strip():
        return None
    if text.isascii():
        if claimed == "cn" and any(map(str.isalpha, text)):
            return "no Chinese characters"
        return _foreign_words(text) if claimed == "en" else None
    letters = len(_LETTER.findall(text))
    chinese = len(_CHINESE.findall(text))
    if len(_OTHER_SCRIPT.findall(text)) > _MOST_OTHER * letters:
        return "in another script"
    if claimed == "cn":
        return None if chinese else "no Chinese characters"
    if chinese > _MOST_CHINESE_IN_ENGLISH * letters:
        return "Chinese, though labelled as English"
    return _foreign_words(text)


def _foreign_words(text: str) -> str | None:
    words = text.lower().split()
    foreign = [word for word in words if word in _FOREIGN]
    if len(foreign) < _LEAST_FOREIGN or len(foreign) <= 2 * sum(word in _ENGLISH for word in words):
        return None
    return f"neither English nor Chinese ({', '.join(dict.fromkeys(foreign))})"
