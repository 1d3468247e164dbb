"""Text as words: the normalisation shared by leak checks, duplicate checks, decontamination and splits.

Also numbers with units for messages.
"""

import re
from collections.abc import Iterator, Sequence

# A word is a run of letters, digits and underscores; in Chinese, which has no spaces, each character is a word.
_CJK = "\u3400-\u9fff"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
# What a terminal acts on: control characters but tab and line feed, and those that reorder text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_ELLIPSIS = " ..."
_LAST_WORD = re.compile(r"\s+\S*\Z")
_SENTENCE = re.compile(r"[.!?](?=\s|\Z)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n\s*\n")


def words(text: str) -> list[str]:
    """The lower-case words of a text or a program, without punctuation and layout."""
    return _WORD.findall(text.lower())


def tokens(text: str) -> list[str]:
    """The lower-case words and punctuation of a text: texts with the same tokens differ only in layout."""
    return _TOKEN.findall(text.lower())


def shortened(text: str, most: int) -> str:
    """A text of at most `most` characters: a longer one ends after a sentence, or else a word, and an ellipsis."""
    if len(text) <= most:
        return text
    cut = text[: most - len(_ELLIPSIS)]
    whole = cut if text[len(cut)].isspace() else "".join(_LAST_WORD.split(cut, maxsplit=1)[:1]) or cut
    sentence = max((found.end() for found in _SENTENCE.finditer(whole)), default=0)
    return (whole[:sentence] if 2 * sentence > most else whole).rstrip(" ,;:(") + _ELLIPSIS


def grams(run: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """All n-grams of `size` words."""
    return (tuple(run[start : start + size]) for start in range(len(run) - size + 1))


def sentences(text: str) -> list[str]:
    """The sentences of a text, which end with a full stop or a blank line."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def chinese_share(text: str) -> float:
    """The share of Chinese characters among a text's letters (0 to 1)."""
    letters = [sign for sign in text if sign.isalpha()]
    return sum("\u3400" <= sign <= "\u9fff" for sign in letters) / len(letters) if letters else 0.0


def latin_share(text: str) -> float:
    """The share of Latin letters among a text's letters (0 to 1)."""
    letters = [sign for sign in text if sign.isalpha()]
    return sum(sign < "\u0250" for sign in letters) / len(letters) if letters else 0.0


def count_of(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 row`, `2 rows`; `many` is the plural if it is not formed with s."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """A text without characters that a terminal acts on: they are written as Python escapes."""
    return _CONTROLS.sub(lambda hit: ascii(hit[0])[1:-1], text)


def shown(name: str, most: int = 80) -> str:
    """A name from somebody's file for a message: on one line, without control characters, shortened."""
    cut = name if len(name) <= most else f"{name[: most - 3]}..."
    return printable(cut).replace("\n", "\\n").replace("\t", "\\t")


def time_of(seconds: float) -> str:
    """A duration in a readable unit: `90 s`, `35 min`, `11.7 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size_of(count: float) -> str:
    """A size in bytes in a readable unit: `412 KB`, `1.5 GB`."""
    for unit in ("bytes", "KB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def name_set(names: str) -> frozenset[str]:
    """The names in a text that spaces separate: a table of many reads better so."""
    return frozenset(names.split())
