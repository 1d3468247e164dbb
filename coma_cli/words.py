"""Text as words: the one normalisation that leak checks, duplicate checks, decontamination and splits compare by.

And numbers in words for messages.
"""

import re
from collections.abc import Iterator, Sequence

# A word is a run of letters, digits and underscores; Chinese is written without spaces, so each sign counts as one.
_CJK = "\u3400-\u9fff"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n\s*\n")


def words(text: str) -> list[str]:
    """The words of a text or a program in lower case, without punctuation and layout."""
    return _WORD.findall(text.lower())


def tokens(text: str) -> list[str]:
    """Words and signs of a text in lower case: two texts with the same tokens differ in layout only."""
    return _TOKEN.findall(text.lower())


def grams(run: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """Every run of `size` neighbouring words."""
    return (tuple(run[start : start + size]) for start in range(len(run) - size + 1))


def sentences(text: str) -> list[str]:
    """The sentences of a text, ended by a full stop or a blank line."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def chinese_share(text: str) -> float:
    """Which share of a text's letters is Chinese (0 to 1)."""
    letters = [sign for sign in text if sign.isalpha()]
    return sum("\u3400" <= sign <= "\u9fff" for sign in letters) / len(letters) if letters else 0.0


def latin_share(text: str) -> float:
    """Which share of a text's letters is Latin (0 to 1)."""
    letters = [sign for sign in text if sign.isalpha()]
    return sum(sign < "\u0250" for sign in letters) / len(letters) if letters else 0.0


def count_of(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 row`, `2 rows`; `many` where the plural is no added s, or a verb goes with it."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def time_of(seconds: float) -> str:
    """A length of time in the unit in which people think of it: `90 s`, `35 min`, `11.7 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size_of(count: float) -> str:
    """A number of bytes in the unit in which it has one to three digits before the point: `412 KB`, `1.5 GB`."""
    for unit in ("bytes", "KB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
