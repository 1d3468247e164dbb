"""Tells whether a Java and a C# function say the same, as far as their texts show it.

Upstream found the pairs by path and signature, so that one side may be a stub, of another version of the project, or
another overload. What a port keeps are the words in its names (`readShort`, `ReadShort`), its strings
and its numbers.
"""

import re
from collections import Counter
from collections.abc import Iterator

from coma_cli.languages.language import kinds

_STRING = re.compile(r"@?\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])+'")
_ANNOTATION = re.compile(r"@\w+\s*\([^()]*\)|(?:(?<=^)|(?<=[\s\]]))\[\w+(?:\([^()]*\))?\]")
_LINE_END = re.compile(r"System\.getProperty\(\s*\"line\.separator\"\s*\)")
# What differs between formats of the two languages, and what layout and escapes do.
_FORMAT = re.compile(r"%[-+,0-9.]*[a-zA-Z]|\{\d[^}]*\}|\\[nrtu\"'\\]")
_ALPHANUMERIC = re.compile(r"[a-z0-9]+")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"(?<![\w.])\d+\b")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Exceptions and remarks of a function that nobody wrote. Java's library says "unsupported", C#'s "not supported".
_UNFINISHED = re.compile(
    r"\b(?:System\.)?(?:NotImplementedException|NotSupportedException|UnsupportedOperationException)\b"
    r"|\b(?:not (?:yet )?implemented|unimplemented|TODO|FIXME)\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"[\s;{}]*")
_ACCESS = re.compile(r"^(?:get|set|is)(?=.)")
_SYNTAX = kinds(
    "public private protected internal virtual override static final readonly sealed abstract new return if else "
    "for foreach while do switch case break throw throws try catch finally var int long short byte bool boolean "
    "string char double float void object class this base super null true false default in out ref is as get set "
    "const exception io system"
)
# Names of the two libraries for one thing, and names of both that show nothing.
_EQUIVALENT = {
    "comparer": "comparator", "count": "size", "length": "size", "enumerator": "iterator", "instanceof": "is",
    "dictionary": "map", "bool": "boolean", "println": "line", "print": "write", "synchronized": "lock", "len": "size",
    "initialise": "initialize", "equal": "equals", "parse": "value", "arraycopy": "copy", "func": "function",
}  # fmt: skip
_COMMON = _SYNTAX | kinds(
    "add all append arg argument array assert builder c character collections contains convert current debug e "
    "empty enclosing equals ex field first has hashtable i illegal instance int16 int32 int64 integer invalid item "
    "iterator java k key lang list lock m math move next ngit npoi number of operation pointer put reference "
    "runtime sb size state sum to type unchecked util utils v value values"
)
_PRIMITIVE = {
    "boolean": "bool", "bool": "bool", "byte": "byte", "sbyte": "byte", "char": "char", "short": "short",
    "ushort": "short", "int": "int", "uint": "int", "long": "long", "ulong": "long", "float": "float",
    "double": "double", "string": "string", "int32": "int", "int64": "long",
}  # fmt: skip
_NUMERIC = ("byte", "sbyte", "short", "ushort", "long", "ulong", "float", "double")
_PARTED = re.compile(r"[^_]_(?!\d$)")
# Exceptions of the two libraries, of which each has its own.
_EXCEPTION = re.compile(
    r"\b(?:UnsupportedOperation|NotSupported|NotImplemented|IllegalArgument|Argument|NullPointer|ArgumentNull"
    r"|NullReference|IllegalState|InvalidOperation|(?:Array|String)?IndexOutOf(?:Bounds|Range)|ArgumentOutOfRange"
    r"|Runtime|NumberFormat|Format)?Exception\b"
)
# The path of a type, which one side may write out.
_PATH = re.compile(r"\b(?:java|org|System|Sharpen|NGit|NPOI|Lucene|Antlr4)(?:\.\w+)*\.(?=\w)")
_CONSTRUCTOR = re.compile(r":\s*(?:base|this)\s*(\(.*)", re.DOTALL)


def why_not_port(java: str, csharp: str) -> str:
    """Why one function is not a translation of the other; "" if nothing shows it."""
    sides = (java, csharp)
    bodies = _bodies(java, csharp)
    if any(_NOTHING.fullmatch(body) for body in bodies):
        return "one side is empty"
    if bool(_UNFINISHED.search(java)) != bool(_UNFINISHED.search(csharp)):
        return "one side is not implemented"
    names = [_name(side) for side in sides]
    if names[0] != names[1]:
        return f"the names differ: {names[0]}, {names[1]}"
    differing = [word for word in _texts(java, csharp) if word]
    if differing:
        return f"strings differ: {' '.join(differing[:5])}"
    if not _fit(*map(_parameters, sides)):
        return "the parameters differ"
    if not _same_parted_names(*bodies) or not _same_numbers(java, csharp):
        return "names or types of numbers differ"
    return "" if _words(bodies[0]) == _words(bodies[1]) else "the bodies use other names"


def _name(code: str) -> str:
    """The function's name in small letters, without `get` and `set`, which C# has no need of."""
    before = _ANNOTATION.sub(" ", code).partition("(")[0].partition("{")[0]
    names = _IDENTIFIER.findall(re.sub(r"<[^()]*>", " ", before))
    return _ACCESS.sub("", names[-1].replace("_", "").lower()) if names else ""


def _texts(java: str, csharp: str) -> Iterator[str]:
    """The words that only one side has in strings and characters; no names of parameters, which C# exceptions take."""
    counts = [Counter(_words_of_strings(side)) for side in (java, csharp)]
    names = {name.lower() for name in _IDENTIFIER.findall(_STRING.sub(" ", csharp))}
    for word in (counts[0] - counts[1]) + (counts[1] - counts[0]):
        if word not in names or counts[0][word]:
            yield word


def _words_of_strings(code: str) -> Iterator[str]:
    code = _LINE_END.sub(" ", _ANNOTATION.sub(" ", code))
    for string in _STRING.findall(code):
        yield from _ALPHANUMERIC.findall(_FORMAT.sub(" ", string.lower()))


def _words(code: str) -> set[str]:
    """The words in the names of a body, and its numbers, apart from names of the languages and their libraries."""
    bare = _EXCEPTION.sub(" ", _PATH.sub(" ", code))
    found = (word.lower() for name in _IDENTIFIER.findall(bare) for word in _WORD.findall(name))
    numbers = set(_NUMBER.findall(code)) - {"0", "1"}
    return ({_EQUIVALENT.get(word, word) for word in found} - _COMMON) | numbers


def _same_parted_names(one: str, other: str) -> bool:
    """Whether names of several parts, as constants and fields of records have, are on both sides, however written."""
    plain = [{_plain(name) for name in _IDENTIFIER.findall(body)} for body in (one, other)]
    parted = [{_plain(name) for name in _IDENTIFIER.findall(body) if _PARTED.search(name)} for body in (one, other)]
    return parted[0] <= plain[1] and parted[1] <= plain[0]


def _plain(name: str) -> str:
    """A name without its underscores and without the `_1` that the tool behind some ports adds."""
    return re.sub(r"^m_|_\d$|_", "", name).lower()


def _same_numbers(java: str, csharp: str) -> bool:
    """Whether not each side has a type of numbers that the other lacks; casts come and go."""
    one, other = (
        {_PRIMITIVE[name] for name in _IDENTIFIER.findall(side) if name in _NUMERIC} for side in (java, csharp)
    )
    return one <= other or other <= one


def _bodies(java: str, csharp: str) -> tuple[str, str]:
    """What follows the heads of the functions; a C# constructor calls another one in its head."""
    bare = [_STRING.sub(" ", _ANNOTATION.sub(" ", side)) for side in (java, csharp)]
    called = _CONSTRUCTOR.search(bare[1].partition("{")[0])
    (_, _, first), (_, _, second) = (side.partition("{") for side in bare)
    return first, f"{called.group(1)} {second}" if called is not None else second


def _parameters(code: str) -> list[str]:
    """The types of a function's parameters where they are primitive, strings or arrays; "" for others."""
    head = re.sub(r"<[^<>()]*>", " ", re.sub(r"<[^<>()]*>", " ", _ANNOTATION.sub(" ", code).partition("{")[0]))
    start = head.find("(")
    given = head[start + 1 : head.find(")", start)] if start >= 0 else ""
    return [_type(parameter.replace("@", "")) for parameter in given.split(",") if parameter.strip()]


def _type(parameter: str) -> str:
    words = [word for word in re.findall(r"[\w.]+", parameter) if word not in ("final", "ref", "out", "params")]
    dimensions = parameter.count("[") + parameter.count("...") + words.count("params")
    name = words[0].rpartition(".")[2].lower() if words else ""
    return (_PRIMITIVE.get(name, "other") + "[]" * dimensions) if name else ""


def _fit(one: list[str], other: list[str]) -> bool:
    """Whether parameters can be those of one function: as many, arrays for arrays, and numbers of the same size."""
    if len(one) != len(other):
        return False
    return all(
        first.count("[") == second.count("[") and (first == second or "other" in f"{first}{second}")
        for first, second in zip(one, other, strict=True)
    )
