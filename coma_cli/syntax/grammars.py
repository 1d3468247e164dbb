"""The languages whose functions are found in tree-sitter's trees, and what their grammars call things."""

from collections.abc import Mapping

from coma_cli.languages import LANGUAGES
from coma_cli.languages.language import Grammar

GRAMMARS: Mapping[str, Grammar] = {
    entry.name: entry.grammar for entry in LANGUAGES.values() if entry.grammar is not None
}
