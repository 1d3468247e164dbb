import pytest

from coma_cli.syntax import finding, leaves, sites
from coma_cli.syntax.grammars import GRAMMARS
from coma_cli.syntax.trees import grammar_of


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_node_type_of_the_table_is_one_of_its_grammar(language):
    grammar = grammar_of(language)
    row = GRAMMARS[language]
    for kinds in (
        row.functions,
        row.values,
        row.scopes,
        row.shells,
        row.attributes,
        row.heads,
        row.blocks,
        row.statements,
    ):
        unknown = [kind for kind in kinds if not grammar.id_for_node_kind(kind, True)]
        assert not unknown


def test_every_node_type_of_the_shared_sets_is_one_of_some_grammar():
    grammars = [grammar_of(name) for name in (*GRAMMARS, "python", "tsx", "sql")]
    shared = leaves.COMMENTS | leaves.STRINGS | sites.NODE_TYPES | finding.NODE_TYPES
    unknown = {kind for kind in shared if not any(grammar.id_for_node_kind(kind, True) for grammar in grammars)}
    assert not unknown
