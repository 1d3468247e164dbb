"""The keywords of programming languages, which CodeBLEU weights five times as much as other words.

For Python, Java and C# they are the lists that were published with CodeBLEU; for other languages, the words that their
grammar has as fixed tokens.
"""

from functools import cache

from coma_cli.languages import LANGUAGES
from coma_cli.languages.language import kinds

# Source: microsoft/CodeXGLUE, code-to-code-trans/evaluator/CodeBLEU/keywords/.
_PUBLISHED = {
    "python": kinds(
        "False None True and as assert async await break class continue def del elif else except finally for from "
        "global if import in is lambda nonlocal not or pass raise return try while with yield"
    ),
    "java": kinds(
        "abstract assert boolean break byte case catch char class const continue default do double else enum extends "
        "final finally float for goto if implements import instanceof int interface long native new package private "
        "protected public return short static strictfp super switch synchronized this throw throws transient try void "
        "volatile while"
    ),
    "csharp": kinds(
        "abstract as base bool break byte case catch char checked class const continue decimal default delegate do "
        "double else enum event explicit extern false finally fixed float for foreach goto if implicit in int "
        "interface internal is lock long namespace new null object operator out override params private protected "
        "public readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true "
        "try typeof uint ulong unchecked unsafe ushort using virtual void volatile while add alias ascending async "
        "await by descending dynamic equals from get global group into join let nameof notnull on orderby partial "
        "remove select set unmanaged value var when where yield"
    ),
}


@cache
def keywords(language: str) -> frozenset[str]:
    """The keywords of a language; none for a language without a grammar."""
    if language in _PUBLISHED:
        return _PUBLISHED[language]
    entry = LANGUAGES.get(language)
    if entry is None or not entry.frames:
        return frozenset()
    from coma_cli.syntax.trees import grammar_of

    grammar = grammar_of(entry.frames[0][0])
    tokens = (grammar.node_kind_for_id(n) for n in range(grammar.node_kind_count) if not grammar.node_kind_is_named(n))
    return frozenset(token for token in tokens if token and token.replace("_", "").isalpha())
