"""The form of an entry for a programming language: everything that coma knows of it, as data."""

from dataclasses import dataclass
from typing import Literal

Frame = tuple[str, str]  # what to put before and behind a text
BARE: Frame = ("", "")
Markup = Literal["plain", "xml", "rdoc", "rustdoc"]


def kinds(names: str) -> frozenset[str]:
    """A set of node types, written as words."""
    return frozenset(names.split())


@dataclass(frozen=True)
class Grammar:
    """What the tree-sitter grammar of a language calls functions and the things around them.

    `functions` have a name of their own; `values` are functions that are called after what they are assigned to.
    `shells` stand around a function and belong to it, `attributes` directly before it; `scopes` lend it their name.
    `heads` end its signature before its body does begin; where the grammar has no such node, `head_fields` names the
    fields of a function of which the first that is there ends its signature. `modifiers` are the names of calls that
    take a whole function as their argument and belong to it. `statements` may be worth completing, where they are
    children of one of `blocks` (of anything where there are none).
    """

    functions: frozenset[str]
    scopes: frozenset[str]
    statements: frozenset[str]
    values: frozenset[str] = frozenset()
    shells: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    head_fields: tuple[str, ...] = ()
    blocks: frozenset[str] = frozenset()
    modifiers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NamedBy:
    """How a text names a language: a regular expression, up to case unless `exact_case`.

    `pieces` tell in lower case what a text must hold for the expression to be worth a try: to look for them is much
    quicker.
    """

    pieces: tuple[str, ...]
    pattern: str
    exact_case: bool = False


@dataclass(frozen=True)
class Language:
    """A programming language.

    Names: `name` stands in rows, `display` in sentences. `labels` are other names, in lower case, that folders, files
    and the tags of fenced code use; `fence_tags` are further ones that only open blocks in the answers of models.

    Syntax: `frames` are the tree-sitter grammars to try on a text, each with what to put around it: a lone method is no
    program of its language, but it is one inside of a class. Without frames a language is not parsed. `grammar` lets
    functions be found in its files, whose names end in one of `suffixes`. `opening_tags` are the marks between which
    code stands in a template; a text without any of them is read as if it began with the first.

    Habits: `line_comment` begins a comment, besides `//` and `#`; `markup` is that of its documentation. `has_macros`:
    a name that the grammar can't place may stand for nothing or for an attribute. `lenient`: the grammar knows few
    of the language's dialects, so code is only taken for broken where most of it is. `has_preprocessor`: lines that
    begin with `#` are no statements. `rejects_unused`: a variable that nothing reads is an error.
    """

    name: str
    display: str
    labels: tuple[str, ...] = ()
    fence_tags: tuple[str, ...] = ()
    named_by: NamedBy | None = None
    suffixes: tuple[str, ...] = ()
    frames: tuple[tuple[str, Frame], ...] = ()
    grammar: Grammar | None = None
    opening_tags: tuple[str, ...] = ()
    line_comment: str = ""
    markup: Markup = "plain"
    has_macros: bool = False
    lenient: bool = False
    has_preprocessor: bool = False
    rejects_unused: bool = False
