"""The record type of a programming language: everything that coma knows about it, as data."""

from dataclasses import dataclass
from typing import Literal

from coma_cli.languages.frames import Frame

Markup = Literal["plain", "xml", "rdoc", "rustdoc"]


def kinds(names: str) -> frozenset[str]:
    """A set of node types, written as words."""
    return frozenset(names.split())


@dataclass(frozen=True)
class Grammar:
    """Node types of a language in its tree-sitter grammar.

    `functions` have their own name; `values` are functions named after what they are assigned to. `shells` wrap a
    function and belong to it, `attributes` directly precede it; `scopes` qualify its name. `heads` end its signature
    before the body begins; if the grammar has no such node, the first of `head_fields` that a function has ends its
    signature. `modifiers` are the names of calls that take a whole function as their argument and belong to it.
    `statements` may be worth completing if they are children of one of `blocks` (of any node if there are none).
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
    """How a text names a language: a regular expression, case-insensitive unless `exact_case`.

    `pieces` are a prefilter in lower case: a text without any of them can't match, and searching for them is much
    faster.
    """

    pieces: tuple[str, ...]
    pattern: str
    exact_case: bool = False


@dataclass(frozen=True)
class Language:
    """A programming language.

    Names: `name` is used in rows, `display` in sentences. `labels` are other names, in lower case, used for folders,
    files and fence tags; `fence_tags` are further ones that only open blocks in the answers of models.

    Syntax: `frames` are the tree-sitter grammars to try on a text, each with what to put around it: a single method
    parses only inside a class. A language without frames is not parsed. `grammar` is used to find functions in its
    files, whose names end in one of `suffixes`. `opening_tags` begin code in a template; a text without any of them is
    read as if it began with the first.

    Conventions: `line_comment` begins a comment, besides `//` and `#`; `markup` is that of its documentation.
    `has_macros`: a name that the grammar can't place may be an empty macro or an attribute. `lenient`: the grammar
    covers few of the language's dialects, so code counts as broken only if most of it is. `has_preprocessor`: lines
    that begin with `#` are directives. `rejects_unused`: an unused variable is an error.
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
