"""Code with the names that it defines itself replaced, so that a copy with other names is equal to its original.

A name counts as defined by a text where it is assigned, declared, or a parameter; it is replaced by the order in which
it first occurs. All else stays: literals, operators, keywords, attributes, and names that the text only uses, so
`min(values)` and `max(values)` differ. Quotes do not count. This works on tokens, many texts at once, since parsing
each row would cost more than all other fingerprints; a name whose definition the rules below do not see stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.lexing import U64, Ints, Lexed, lex, mix
from coma_cli.languages import UNSPECIFIED

Mask = NDArray[np.bool_]
# Languages in which a name after any word is a declaration (`int count`), and in which only after the words below.
_TYPED = frozenset({"c", "cpp", "csharp", "java", "rust", "kotlin", "swift"})
_SCRIPTED = frozenset({"python", "python2", "javascript", "typescript", "php", "ruby", "go", UNSPECIFIED})
# Languages in which a name before or behind a colon is a symbol or the key of a hash.
_WITH_SYMBOLS = frozenset({"ruby"})

# Words that are never names of a program's own; behind the first of them no name is declared.
_BEFORE_VALUES = """return new else throw case in not and or is await yield delete typeof instanceof goto import from
package using extends implements throws if while elif elsif assert print echo raise del with require include when unless
until do then end begin try finally except catch pass break continue none null nil true false super self this default
switch assert select where"""
_MODIFIERS = """public private protected static final abstract virtual override const readonly int long short byte char
float double bool boolean void unsigned signed struct enum interface string object var let auto mut ref out params async
def class function fn fun func lambda for as global nonlocal my sub type range sizeof extern inline template typename
internal sealed synchronized volatile transient native map chan val use foreach each"""
# Behind these a name is defined in every language.
_DEFINING = """def class function fn fun func lambda for as global nonlocal let var const val mut sub interface struct
enum"""
_CHAINED = "for lambda"
_OWNERS = "self this"

_RESERVED, _VALUES, _DEFINES, _CHAINS, _OWNER = (1 << bit for bit in range(5))
_SIGNS = {sign: 1 << (5 + bit) for bit, sign in enumerate("(),=.:;$")}
_OPEN, _CLOSE, _COMMA, _EQUALS, _DOT, _COLON, _SEMICOLON, _DOLLAR = _SIGNS.values()
_QUOTE, _NUMBER, _CONTRAST = 1 << 16, 1 << 17, 1 << 18
_IS_NAME = np.uint32(1 << 19)
_QUOTES = "\"'`"
# Words of which one in place of another changes what is asked or done, however alike two texts are otherwise.
_CONTRAST_WORDS = """
ascending descending asc desc min max minimum maximum minimal maximal smallest largest smaller larger shortest
longest shorter longer lowest highest uppercase lowercase first last even odd true false increasing decreasing
increment decrement above below left right prefix suffix add remove insert delete append prepend push pop encode
decode encrypt decrypt open close read write greater fewer inner outer row rows column columns horizontal
vertical union intersection difference width height sum product average mean median mode older newer oldest
earliest latest positive negative plus minus preorder inorder postorder not"""
CONTRASTS = frozenset(_CONTRAST_WORDS.split())
_NEXT_ROUNDS = 2  # names in one list of targets: `a, b, c = ...`

_SLOTS = 1 << 16


def _table() -> tuple[U64, NDArray[np.uint32]]:
    """By the last bits of a token's hash: the token that has a meaning here, and its meanings."""
    known, meanings = np.zeros(_SLOTS, dtype=np.uint64), np.zeros(_SLOTS, dtype=np.uint32)
    words = (
        (_BEFORE_VALUES, _RESERVED | _VALUES),
        (_MODIFIERS, _RESERVED),
        (_DEFINING, _RESERVED | _DEFINES),
        (_CHAINED, _CHAINS),
        (_OWNERS, _OWNER),
        (" ".join(_QUOTES), _QUOTE),
        (_CONTRAST_WORDS, _CONTRAST),
        *((sign, meaning) for sign, meaning in _SIGNS.items()),
    )
    for text, meaning in words:
        for token in lex([text]).hashes:
            slot = int(token) & (_SLOTS - 1)
            while known[slot] not in (0, token):
                slot = (slot + 1) & (_SLOTS - 1)
            known[slot] = token
            meanings[slot] |= meaning
    return known, meanings


_KNOWN, _MEANINGS = _table()
_ANY_NUMBER = lex(["0"]).hashes[0]
_NAME_SALT, _SHAPE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class NormalizedTokens:
    """The tokens of some texts without quotes; those of text i are `bounds[i]` to `bounds[i + 1]`.

    `hashes` has the names that a text defines replaced, `shapes` all names and literals. `is_data` marks numbers, what
    strings hold, and commas; `is_contrast` numbers, what strings hold, and words like `max` (see `CONTRASTS`), all of
    which make a difference.
    """

    raw: U64
    hashes: U64
    shapes: U64
    is_data: Mask
    is_contrast: Mask
    bounds: Ints


def normalized(lexed: Lexed, languages: Sequence[str]) -> NormalizedTokens:
    """The normalized tokens of some texts.

    `languages` (texts,) names the language of each text, "" for text that is not code. Names are replaced in the
    languages of `_TYPED` and `_SCRIPTED`.
    """
    is_code, is_typed, is_scripted, has_symbols = (
        np.array([language in family for language in languages], dtype=bool)
        for family in (frozenset(languages) - {""}, _TYPED, _SCRIPTED, _WITH_SYMBOLS)
    )
    meanings = _meanings(lexed)
    sizes = np.diff(lexed.bounds)
    quotes = (meanings & _QUOTE) != 0
    owners = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    of_code = is_code[owners]
    strings = of_code & _within_strings(quotes, lexed.bounds, sizes) & ~quotes
    kept = ~(quotes & of_code)
    before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(kept, dtype=np.int64)))
    tokens = _CodeTokens(
        lexed.hashes[kept], meanings[kept], owners[kept], strings[kept], lexed.is_word[kept], before[lexed.bounds]
    )
    typed, scripted, symbols = is_typed[tokens.owners], is_scripted[tokens.owners], has_symbols[tokens.owners]
    is_name = tokens.is_word & ((tokens.meanings & (_RESERVED | _NUMBER)) == 0) & of_code[kept] & ~tokens.in_string
    one, two = tokens.near(-1), tokens.near(-2)
    # An attribute of another object, or a symbol (`:name`), is not the name that the text defines.
    foreign = ((one & _DOT) != 0) & ((two & (_OWNER | _DOT)) == 0)
    foreign |= symbols & (((one | tokens.near(1)) & _COLON) != 0)
    own = _defined(tokens, is_name & ~foreign, typed, scripted)
    hashes, shapes = _replaced(tokens, is_name, is_name & ~foreign, own)
    literal = tokens.in_string | ((tokens.meanings & _NUMBER) != 0)
    contrast = literal | ((tokens.meanings & _CONTRAST) != 0)
    data = literal | ((tokens.meanings & _COMMA) != 0)
    return NormalizedTokens(
        tokens.hashes, hashes, np.where(literal, _SHAPE, shapes), data, contrast & ~own, tokens.bounds
    )


@dataclass(frozen=True)
class _CodeTokens:
    """Tokens without quotes, the text of each, and whether it is within a string."""

    hashes: U64
    meanings: NDArray[np.uint32]
    owners: NDArray[np.int32]
    in_string: Mask
    is_word: Mask
    bounds: Ints

    def near(self, distance: int) -> NDArray[np.uint32]:
        """The meanings of the tokens at a distance within the same text; 0 beyond its ends."""
        found = np.zeros_like(self.meanings)
        if not len(found):
            return found
        if distance < 0:
            found[-distance:] = self.meanings[:distance]
            ends = self.bounds[:-1]
        else:
            found[:-distance] = self.meanings[distance:]
            ends = self.bounds[1:] - distance
        for step in range(abs(distance)):
            found[np.clip(ends + step, 0, len(found) - 1)] = 0
        return found


def _meanings(lexed: Lexed) -> NDArray[np.uint32]:
    slots = (lexed.hashes & np.uint64(_SLOTS - 1)).astype(np.int64)
    found = np.where(_KNOWN[slots] == lexed.hashes, _MEANINGS[slots], np.uint32(0))
    found[lexed.shapes == _ANY_NUMBER] |= np.uint32(_NUMBER)
    return found


def _within_strings(quotes: Mask, bounds: Ints, sizes: Ints) -> Mask:
    """Which tokens have an odd number of quotes before them in their text."""
    counts = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(quotes, dtype=np.int64)))
    odd: Mask = (counts[:-1] - np.repeat(counts[bounds[:-1]], sizes)) % 2 == 1
    return odd


def _defined(tokens: _CodeTokens, is_name: Mask, typed: Mask, scripted: Mask) -> Mask:
    """Which names are replaced: every occurrence of a name that its text defines somewhere."""
    marked = replace(tokens, meanings=tokens.meanings | np.where(is_name, _IS_NAME, np.uint32(0)))
    one, two = marked.near(-1), marked.near(-2)
    then, later = marked.near(1), marked.near(2)
    depth, parameters = _parentheses(marked, one, two, typed, scripted)
    assigned = ((then & _EQUALS) != 0) & ((later & _EQUALS) == 0) & ((one & (_EQUALS | _OPEN)) == 0)
    assigned &= ((one & _COMMA) == 0) | (scripted & (depth == 0))
    assigned |= ((then & _COLON) != 0) & ((later & _EQUALS) != 0)
    assigned &= (depth == 0) | typed
    assigned &= ((one & _DOT) == 0) | ((two & _OWNER) != 0)
    defined = assigned | ((one & _DEFINES) != 0) | ((one & _DOLLAR) != 0)
    ends = (then & (_EQUALS | _SEMICOLON | _COMMA | _CLOSE | _COLON | _OPEN)) != 0
    declared = typed & ((one & (_IS_NAME | _RESERVED)) != 0) & ((one & _VALUES) == 0) & ends
    defined |= declared
    listed = (then & (_COMMA | _CLOSE | _EQUALS | _COLON)) != 0
    defined |= scripted & ((one & (_OPEN | _COMMA)) != 0) & ((then & (_IS_NAME | _RESERVED)) != 0) & _free_of(then)
    defined |= parameters & listed & ((one & (_EQUALS | _DOT)) == 0) & ((one & _VALUES) == 0)
    defined &= is_name & (typed | scripted)
    for _ in range(_NEXT_ROUNDS):
        defined |= _chained(marked, defined & ~parameters, then, one, depth, is_name, scripted)
    result: Mask = defined
    return result


def _free_of(then: NDArray[np.uint32]) -> Mask:
    """Where the next token is a word that may be a type, as in Go's `(path string)`."""
    result: Mask = (then & (_VALUES | _CHAINS | _DEFINES)) == 0
    return result


def _chained(
    tokens: _CodeTokens,
    defined: Mask,
    then: NDArray[np.uint32],
    one: NDArray[np.uint32],
    depth: NDArray[np.int32],
    is_name: Mask,
    scripted: Mask,
) -> Mask:
    """Names beside a defined one in a list of targets: before it (`a, b = ...`), or behind it (`for a, b in ...`)."""
    flags = defined.astype(np.uint32) + 2 * ((one & _CHAINS) != 0).astype(np.uint32)
    flagged = replace(tokens, meanings=flags)
    before = ((then & _COMMA) != 0) & ((flagged.near(2) & 1) != 0) & (depth == 0)
    behind = ((one & _COMMA) != 0) & ((flagged.near(-2) & 3) == 3)
    result: Mask = (before | behind) & is_name & scripted
    return result


def _parentheses(
    tokens: _CodeTokens, one: NDArray[np.uint32], two: NDArray[np.uint32], typed: Mask, scripted: Mask
) -> tuple[NDArray[np.int32], Mask]:
    """How many parentheses are open around each token, and whether it is in the list of parameters of a definition."""
    opens, closes = (tokens.meanings & _OPEN) != 0, (tokens.meanings & _CLOSE) != 0
    opens &= ~tokens.in_string
    closes &= ~tokens.in_string
    depth = np.cumsum(opens.astype(np.int8) - closes.astype(np.int8), dtype=np.int32)
    starts = np.concatenate((np.zeros(1, dtype=np.int32), depth))[tokens.bounds[:-1]]
    depth = depth - np.repeat(starts, np.diff(tokens.bounds))
    named = ((one & _IS_NAME) != 0) & (
        ((two & _DEFINES) != 0) | (typed & ((two & (_IS_NAME | _RESERVED)) != 0) & ((two & _VALUES) == 0))
    )
    heads = opens & (named | (scripted & ((one & _DEFINES) != 0)))
    places = np.flatnonzero(opens | closes)
    level = depth[places] + closes[places]
    order = np.lexsort((places, level, tokens.owners[places]))
    places = places[order]
    pairs = heads[places[:-1]] & closes[places[1:]] if len(places) > 1 else np.zeros(0, dtype=bool)
    edges = np.zeros(len(depth), dtype=np.int8)
    edges[places[:-1][pairs]] += 1
    edges[places[1:][pairs]] -= 1
    return depth, np.cumsum(edges, dtype=np.int32) > 0


def _replaced(tokens: _CodeTokens, is_name: Mask, may_be_own: Mask, own: Mask) -> tuple[U64, U64]:
    """The hashes with own names replaced, and with all names replaced, by the order of their first occurrence."""
    hashes, shapes = tokens.hashes.copy(), tokens.hashes.copy()
    places = np.flatnonzero(is_name)
    if not len(places):
        return hashes, shapes
    keys = mix(tokens.hashes[places] ^ mix(tokens.owners[places].astype(np.uint64)))
    _, firsts, which = np.unique(keys, return_index=True, return_inverse=True)
    is_own = np.zeros(len(firsts), dtype=bool)
    is_own[which[own[places]]] = True
    owners = tokens.owners[places[firsts]]
    all_names = np.ones(len(firsts), dtype=bool)
    for target, chosen, allowed in ((shapes, all_names, is_name), (hashes, is_own, may_be_own)):
        ranks = _ranks(firsts, owners, chosen)
        leaving = chosen[which] & allowed[places]
        target[places[leaving]] = mix(ranks[which[leaving]].astype(np.uint64) + _NAME_SALT)
    return hashes, shapes


def _ranks(firsts: Ints, owners: NDArray[np.int32], chosen: Mask) -> Ints:
    """For each chosen name, how many chosen names of its text occur before it."""
    numbers = np.flatnonzero(chosen)
    order = numbers[np.argsort(firsts[numbers], kind="stable")]
    of_order = owners[order]
    begins = np.searchsorted(of_order, of_order, side="left")
    ranks = np.zeros(len(firsts), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - begins
    return ranks
