"""The record type of a programming language: everything that coma knows about it, as data."""

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
    """Node types of a language's tree-sitter grammar.

    `functions` have a name of their own; `values` are functions named after what they are assigned to. `shells` wrap a
    function and belong to it, `attributes` come directly before it; `scopes` qualify its name. The signature ends where
    the body or one of `heads` begins, or after the first of the function's `head_fields` that is present. `modifiers`
    are names of calls that take a whole function as their argument and belong to it. `statements` are candidates for
    line completion, as children of one of `blocks` (of any node if there are none).
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

    A text without any of `pieces` (in lower case) cannot match; looking for them first is much faster.
    """

    pieces: tuple[str, ...]
    pattern: str
    exact_case: bool = False


@dataclass(frozen=True)
class Language:
    """A programming language.

    Names: `name` is used in rows, `display` in sentences. `labels` are other names, in lower case, of folders, files
    and fenced code; `fence_tags` are further ones that only open blocks in the answers of models.

    Syntax: `frames` are the tree-sitter grammars to try on a text, each with what to put around it: a method alone does
    not parse, but inside a class it does. A language without frames is not parsed. `grammar` says how functions are
    found in its files, whose names end in one of `suffixes`. `opening_tags` open code in a template; a text without any
    of them is parsed as if it began with the first.

    Conventions: `line_comment` starts a comment, in addition to `//` and `#`; `markup` is used in documentation.
    `has_macros`: a name that the grammar cannot place may be a macro, which is not an error. `lenient`: the grammar
    covers few dialects, so code counts as broken only if most of it does not parse. `has_preprocessor`: lines that
    start with `#` are not statements. `rejects_unused`: an unused variable is an error.
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
