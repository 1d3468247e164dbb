"""The grammars of tree-sitter-language-pack, and what those call things in whose trees functions are found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, cast

from coma_cli.languages import LANGUAGES
from coma_cli.languages.language import Grammar

if TYPE_CHECKING:
    import tree_sitter
    from tree_sitter_language_pack import SupportedLanguage

GRAMMARS: Mapping[str, Grammar] = {
    entry.name: entry.grammar for entry in LANGUAGES.values() if entry.grammar is not None
}


@cache
def grammar_of(name: str) -> tree_sitter.Language:
    """A grammar by its name in the language pack; cached."""
    from tree_sitter_language_pack import get_language

    return get_language(cast("SupportedLanguage", name))
