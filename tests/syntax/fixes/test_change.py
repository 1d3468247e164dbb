from coma_cli.syntax.fixes.change import Edit, bare, change_of, dereferences, edited, holds, nodes, terms


def test_texts_are_compared_without_brackets():
    assert bare("if ( ( a ) == 1 ) { go ( ) ; }") == ("if", "a", "==", "1", "go", ";")


def test_edits_apply_to_the_places_before_any_of_them():
    assert edited("a b c", [Edit(0, 1, "x"), Edit(4, 5, "")]).split() == ["x", "b"]


def test_a_value_is_dereferenced_by_members_elements_and_loops():
    for text in ("a . b ( )", "c = a [ 0 ]", "for ( T b : a )", "x . y ( a . z )"):
        assert dereferences(bare(text), ("a",)), text
    for text in ("b ( a )", "c . a . b", "T [ ] a", "b ? c : a", "this . a = b"):
        assert not dereferences(bare(text), ("a",)), text


def test_a_sequence_holds_its_parts():
    assert holds(("a", ".", "b"), (".", "b"))
    assert not holds(("a", "b"), ("a", "b", "c"))


def test_a_chain_of_conditions_has_terms():
    change = change_of("boolean f ( ) { return ( a && ( b ) ) && ( c || d ) ; }", "boolean f ( ) { return a ; }")
    chain = nodes(change.before, "binary_expression")[0]
    assert [change.before.text(term) for term in terms(chain, "&&")] == ["a", "b", "c || d"]


def test_parameters_and_local_variables_are_declared_with_their_types():
    code = "void f ( int a , L < T > b ) { T c , d = null ; for ( T e : b ) go ( e ) ; }"
    assert change_of(code, code).declared == {"a": "int", "b": "L < T >", "c": "T", "d": "T", "e": "T"}
