"""Whether a text is in the language that its row claims: English or Chinese."""

import re

from coma_cli.records import TextLanguage
from coma_cli.text_language.identification import identify

_CHINESE = re.compile("[\u3400-\u9fff]")
# Letters of scripts that Chinese texts don't use: Greek to Georgian, kana, Thai to Hangul and so on.
_OTHER_SCRIPT = re.compile("[\u0370-\u1cff\u3040-\u30ff\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")
_MOST_OTHER = 0.3


def wrong_language(text: str, claimed: TextLanguage) -> str | None:
    """Why a text is not in the language that it is claimed to be in, or None."""
    return _not_chinese(text) if claimed == "cn" else _not_english(text)


def _not_english(text: str) -> str | None:
    language = identify(text)
    match language:
        case "en":
            return None
        case "zh":
            return "Chinese, though labelled as English"
        case "unknown":
            return "in another script"
        case _:
            return f"neither English nor Chinese (ISO 639: {language})"


def _not_chinese(text: str) -> str | None:
    """A text labelled as Chinese may consist of code and English terms, but for a few words."""
    if not any(map(str.isalpha, text)):
        return None
    if len(_OTHER_SCRIPT.findall(text)) > _MOST_OTHER * len(_LETTER.findall(text)):
        return "in another script"
    return None if _CHINESE.search(text) else "no Chinese characters"
