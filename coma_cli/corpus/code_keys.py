"""Keys of functions and texts: equal for those that differ only in comments, layout, case, numbers and chosen names.

A key says what a row is about, whichever source or task made the row: the split puts rows by it on one side. Names
(all words but the keywords of common languages and numbers) count by the order in which they first occur, in texts that
are long enough and have enough punctuation to be code; in shorter texts and in prose they count themselves. A few
passes of numpy over a whole batch do all of it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from coma_cli.corpus.lexing import U64, Ints, Lexed, hashes_of_ranges, lex, mix
from coma_cli.languages import display

FEWEST_TOKENS = 10  # a shorter text, such as `import os`, occurs in unrelated rows
_RENAMED_TOKENS = 20  # shorter functions with other names are other functions: getters, say
_CODE_SIGNS = 0.25  # share of punctuation among the tokens of code; prose has less
_HASH_COMMENTS = frozenset({"python", "python2", "ruby", "shell", "php", "r", "perl"})
_DASH_COMMENTS = frozenset({"sql", "lua", "haskell"})
_KEYWORDS = """
    abstract as assert async await begin bool boolean break byte case catch char chan class const continue def default
    defer del delete do double elif else elsif end endif enum except export extends extern false final finally float fn
    for foreach from func function global go goto if implements import in include instanceof int interface is lambda
    let long match mod module mut namespace new nil none not null or and nonlocal object override package pass private
    protected pub public raise range readonly rescue return select self short signed sizeof static str string struct
    super switch synchronized template then this throw throws trait true try type typedef typename typeof union unless
    unsigned until use using var virtual void volatile when where while with xor yield
"""
# Quotes and what else formatters exchange or add; modifiers, since a method is the same function outside of its class.
_IGNORED = "' \" ` ; @ abstract export final inline internal override private protected public sealed static virtual"
_STRING = r"(?P<string>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
_SLASHES = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_HASHES = re.compile(rf"(?P<long>\"\"\".*?\"\"\"|'''.*?''')|{_STRING}|#[^\n]*", re.DOTALL)
_DASHES = re.compile(rf"{_STRING}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_LONE_STRING = re.compile(r"^[ \t]*[rRbBuU]{0,2}(?:\"\"\".*?\"\"\"|'''.*?''')[ \t]*$", re.DOTALL | re.MULTILINE)


@lru_cache(maxsize=512)
def without_comments(language: str, code: str) -> str:
    """Code without its comments and docstrings, as well as regular expressions find them; other text as it is.

    Cached, since the tasks that make rows of the same function follow one another.
    """
    if language in _HASH_COMMENTS:
        if '"""' in code or "'''" in code:
            code = _LONE_STRING.sub("", code)
        if "#" in code:
            code = _HASHES.sub(_kept, code)
        if language != "php":
            return code
    if not display(language):
        return code
    if language in _DASH_COMMENTS:
        return _DASHES.sub(_kept, code) if "--" in code or "/*" in code else code
    return _SLASHES.sub(_kept, code) if "//" in code or "/*" in code else code


def _kept(found: re.Match[str]) -> str:
    return found[0] if any(found.groupdict().values()) else " "


def keys_of(texts: Sequence[str]) -> tuple[U64, Ints]:
    """The key of each text, and how many tokens it has; texts without any have the key 0."""
    lexed = _without(lex(texts), _ignored())
    sizes = np.diff(lexed.bounds)
    keys = hashes_of_ranges(_renamed(lexed), lexed.bounds[:-1], lexed.bounds[1:])
    return np.where(sizes > 0, keys, np.uint64(0)), sizes


def _without(lexed: Lexed, ignored: U64) -> Lexed:
    kept = ~np.isin(lexed.hashes, ignored)
    before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(kept, dtype=np.int64)))
    return Lexed(lexed.hashes[kept], lexed.shapes[kept], lexed.is_word[kept], before[lexed.bounds])


def _renamed(lexed: Lexed) -> U64:
    """The tokens, in all but short texts up to numbers; those of chosen names replaced by their order in their text."""
    bounds = lexed.bounds
    sizes = np.diff(bounds)
    words = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lexed.is_word, dtype=np.int64)))
    signs = sizes - np.diff(words[bounds])
    is_code = (sizes >= _RENAMED_TOKENS) & (signs >= _CODE_SIGNS * sizes)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    kept = np.isin(lexed.hashes, _keywords()) | (lexed.shapes == _number())
    places = np.flatnonzero(lexed.is_word & is_code[owners] & ~kept)
    # The first occurrence of each name in its text, and how many other names occur in the text before it.
    names = lexed.hashes[places] ^ mix(owners[places].astype(np.uint64) + np.uint64(1))
    _, first, name = np.unique(names, return_index=True, return_inverse=True)
    is_first = np.zeros(len(lexed.hashes), dtype=np.int64)
    is_first[places[first]] = 1
    before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(is_first)))
    ranks = before[places[first]] - before[bounds[owners[places[first]]]]
    made = np.where((sizes >= FEWEST_TOKENS)[owners], lexed.shapes, lexed.hashes)
    made[places] = mix(ranks[name].astype(np.uint64) + np.uint64(1))
    return made


@lru_cache(maxsize=1)
def _keywords() -> U64:
    return lex([_KEYWORDS]).hashes


@lru_cache(maxsize=1)
def _number() -> np.uint64:
    return np.uint64(lex(["0"]).shapes[0])


@lru_cache(maxsize=1)
def _ignored() -> U64:
    return np.unique(lex([_IGNORED]).hashes)
