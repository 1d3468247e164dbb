"""Texts as sequences of token hashes, many texts at once: the basis of fingerprints, exact keys and leak detection.

A token is as in `coma_cli.words.tokens` (a run of letters, digits and underscores, or one other character, in lower
case); Chinese characters are tokens of their own. A few passes of numpy split and hash the bytes of a whole batch,
since a loop over tokens would cost more than all later steps. Hashes are the same on every machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
Ints = NDArray[np.int64]

_WHITESPACE, _SIGN, _WORD = 0, 1, 2
_CHINESE = re.compile("[\u3400-\u9fff]+")
_OTHER_WHITESPACE = re.compile(r"[^\S\x00-\x7f]")
_OTHER_SIGN = re.compile(r"[^\w\x00-\x7f]")
_ANY_SIGN = "\x01"
_MAX_TOKEN_BYTES = 4096  # positions in a longer token repeat; nobody writes such words

_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_BYTE_BASE, _TOKEN_BASE = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95  # odd, so powers have inverses modulo 2^64
_MASK = (1 << 64) - 1
_SHIFT = np.uint64(33)


def mix(values: U64) -> U64:
    """Spread values over all 64 bits. Source: the finalizer of MurmurHash3 (Appleby), public domain."""
    values = values ^ (values >> _SHIFT)
    values *= _MIX_1
    values ^= values >> _SHIFT
    values *= _MIX_2
    values ^= values >> _SHIFT
    return values


@lru_cache(maxsize=8)
def powers(base: int, count: int) -> U64:
    """base^0 .. base^(count - 1), modulo 2^64; the count is a power of two, so that few tables are made."""
    made = np.ones(1, dtype=np.uint64)
    factor = base
    while len(made) < count:
        made = np.concatenate((made, made * np.uint64(factor)))
        factor = factor * factor & _MASK
    return made


def _kinds() -> NDArray[np.uint8]:
    """The kind of each byte; bytes above 127 are parts of letters, since `_prepared` leaves nothing else there."""
    kinds = np.full(256, _WORD, dtype=np.uint8)
    for byte in range(128):
        sign = chr(byte)
        kinds[byte] = _WHITESPACE if sign.isspace() else _WORD if re.match(r"\w", sign) else _SIGN
    return kinds


_KINDS = _kinds()
_VALUES = mix(np.arange(1, 257, dtype=np.uint64))
_DIGITS = np.zeros(256, dtype=bool)
_DIGITS[ord("0") : ord("9") + 1] = True


@dataclass(frozen=True)
class Lexed:
    """The tokens of some texts, one after the other; those of text i are `bounds[i]` to `bounds[i + 1]`.

    `shapes` are hashes that are equal for all runs of digits; `is_word` is false for other characters.
    """

    hashes: U64
    shapes: U64
    is_word: NDArray[np.bool_]
    bounds: Ints

    def words(self) -> "Lexed":
        """The same without punctuation and symbols."""
        before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(self.is_word, dtype=np.int64)))
        kept = self.is_word
        return Lexed(self.hashes[kept], self.shapes[kept], kept[kept], before[self.bounds])


def lex(texts: Sequence[str]) -> Lexed:
    """The tokens of a batch of texts (some hundred kilobytes are a good size)."""
    coded = [_prepared(text) for text in texts]
    sizes = np.fromiter((len(one) + 1 for one in coded), dtype=np.int64, count=len(coded))
    joined = np.frombuffer(b"\n".join(coded) + b"\n", dtype=np.uint8) if coded else np.zeros(0, dtype=np.uint8)
    kinds = _KINDS[joined]
    starts = _starts(kinds)
    ends_of_texts = np.cumsum(sizes)
    bounds = np.concatenate((np.zeros(1, dtype=np.int64), np.searchsorted(starts, ends_of_texts).astype(np.int64)))
    if not len(starts):
        none = np.zeros(0, dtype=np.uint64)
        return Lexed(none, none, np.zeros(0, dtype=bool), bounds)
    hashes = _hash(joined, kinds, starts)
    return Lexed(hashes, _shapes(hashes, joined, kinds, starts), kinds[starts] == _WORD, bounds)


def _prepared(text: str) -> bytes:
    """UTF-8 in lower case whose bytes above 127 belong to letters; Chinese characters are put between spaces."""
    if not text.isascii():
        text = _CHINESE.sub(_apart, _OTHER_SIGN.sub(_ANY_SIGN, _OTHER_WHITESPACE.sub(" ", text.lower())))
        return text.encode("utf-8", "surrogatepass")
    return text.lower().encode("ascii")


def _apart(run: re.Match[str]) -> str:
    return f" {' '.join(run[0])} "


def _starts(kinds: NDArray[np.uint8]) -> Ints:
    """Where tokens begin: at every other character, and at every letter that does not follow a letter."""
    is_word = kinds == _WORD
    begins = is_word.copy()
    begins[1:] &= ~is_word[:-1]
    begins |= kinds == _SIGN
    return np.flatnonzero(begins)


def _hash(joined: NDArray[np.uint8], kinds: NDArray[np.uint8], starts: Ints) -> U64:
    """A hash of the bytes of each token, by their values and positions; whitespace after it does not count."""
    lengths = np.diff(np.append(starts, len(joined)))
    first = int(starts[0])
    place = np.arange(first, len(joined), dtype=np.int64) - np.repeat(starts, lengths)
    values = _VALUES[joined[first:]] * powers(_BYTE_BASE, _MAX_TOKEN_BYTES)[place % _MAX_TOKEN_BYTES]
    values[kinds[first:] == _WHITESPACE] = 0
    return mix(np.add.reduceat(values, starts - first))


def _shapes(hashes: U64, joined: NDArray[np.uint8], kinds: NDArray[np.uint8], starts: Ints) -> U64:
    """As `hashes`, with each run of digits replaced by one 0."""
    is_digit = _DIGITS[joined]
    owners = np.searchsorted(starts, np.flatnonzero(is_digit), side="right") - 1  # ascending, so no sort is needed
    if not len(owners):
        return hashes
    owners = owners[np.concatenate((np.ones(1, dtype=bool), owners[1:] != owners[:-1]))]
    ends = np.append(starts, len(joined))[owners + 1]
    lengths = ends - starts[owners]
    places = np.repeat(starts[owners] - (np.cumsum(lengths) - lengths), lengths) + np.arange(int(lengths.sum()))
    digits = is_digit[places]
    kept = ~(digits & np.concatenate((np.zeros(1, dtype=bool), digits[:-1])))
    kept[np.cumsum(lengths) - lengths] = True
    characters = np.where(digits, np.uint8(ord("0")), joined[places])[kept]
    begins = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(kept)))[np.cumsum(lengths) - lengths]
    shapes = hashes.copy()
    shapes[owners] = _hash(characters, _KINDS[characters], begins)
    return shapes


def hashes_of_ranges(hashes: U64, starts: Ints, ends: Ints) -> U64:
    """One hash for each run of tokens from a start to an end; equal runs have equal hashes. Runs may overlap."""
    count = 1 << int(len(hashes) + 1).bit_length()
    sums = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(hashes * powers(_TOKEN_BASE, count)[: len(hashes)])))
    inverse = pow(_TOKEN_BASE, -1, 1 << 64)
    run = (sums[ends] - sums[starts]) * powers(inverse, count)[starts]
    return mix(mix(run) ^ (ends - starts).astype(np.uint64) * _MIX_2)


def grams_of(hashes: U64, size: int) -> U64:
    """A hash for each run of `size` consecutive tokens, by its start (`len - size + 1` of them)."""
    if len(hashes) < size:
        return np.zeros(0, dtype=np.uint64)
    count = len(hashes) - size + 1
    made = hashes[:count].copy()
    for step in range(1, size):
        made *= np.uint64(_TOKEN_BASE)
        made += hashes[step : step + count]
    return mix(made)
