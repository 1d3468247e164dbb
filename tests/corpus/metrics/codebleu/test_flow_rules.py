"""Each node type of the rules exists in the installed grammar, or is an older name of one that does."""

import pytest

from coma_cli.corpus.metrics.codebleu.flow_rules import FLOW_RULES
from coma_cli.languages import LANGUAGES
from coma_cli.syntax.trees import grammar_of

OLDER_NAMES = {"csharp": {"for_each_statement"}}


@pytest.mark.parametrize("language", FLOW_RULES)
def test_the_grammar_knows_the_nodes(language):
    rules = FLOW_RULES[language]
    grammar = grammar_of(LANGUAGES[language].frames[0][0])
    known = {grammar.node_kind_for_id(number) for number in range(grammar.node_kind_count)}
    named = [value for value in vars(rules).values() if isinstance(value, frozenset)]
    listed = frozenset().union(*named, rules.each.kinds)
    assert listed - known == OLDER_NAMES.get(language, set())
    fields = {grammar.field_name_for_id(number) for number in range(1, grammar.field_count + 1)}
    assert {name for name in (rules.value_field, rules.each.name, rules.each.value) if name} <= fields


def test_the_seven_languages_with_a_published_definition():
    assert set(FLOW_RULES) == {"python", "java", "php", "javascript", "ruby", "go", "csharp"}
