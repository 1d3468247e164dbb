import pytest

from coma_cli.syntax.fixes.change import bare, change_of
from coma_cli.syntax.fixes.null_values import OTHER, PARAMETER, RESULT, is_likely_null, ranked


def change(code):
    return change_of(code, code)


def test_dereferenced_values_are_ranked_by_how_likely_they_are_null():
    code = "void f ( T p ) { T r = find ( p . id ( ) ) ; r . go ( ) ; this . a . go ( p ) ; b [ 0 ] = c . d ; }"
    assert ranked(change(code)) == {
        ("p",): PARAMETER,
        ("r",): RESULT,
        ("a",): OTHER,
        ("b",): OTHER,
        ("c",): OTHER,
    }


def test_new_objects_loop_variables_classes_and_checked_values_are_not_among_them():
    code = (
        "void f ( int n , L list ) { T a = new T ( ) ; a . go ( ) ; TYPE_1 . go ( n ) ; java.lang.Math.abs ( n ) ; "
        "if ( b != null ) b . go ( ) ; try { for ( T c : list ) c . go ( ) ; } catch ( E e ) { e . go ( ) ; } "
        "super . f ( ) ; this . g ( ) ; java.lang.String s = n . toString ( ) ; s . trim ( ) . length ( ) ; }"
    )
    assert set(ranked(change(code))) == {("list",)}


@pytest.mark.parametrize(
    ("code", "name", "is_likely"),
    [
        ("void f ( T a ) { a . go ( ) ; }", "a", True),
        ("void f ( T a ) { a . go ( ) ; b . go ( ) ; }", "a", True),  # a parameter before a field
        ("void f ( T a ) { a . go ( ) ; b . go ( ) ; }", "b", False),
        ("void f ( ) { a . go ( ) ; b . go ( ) ; }", "a", False),
        ("void f ( T p ) { T r = p . find ( ) ; r . go ( ) ; }", "r", True),  # a result before a parameter
        ("void f ( T p ) { T r = p . find ( ) ; r . go ( ) ; }", "p", True),  # r is only reached if p is not null
        ("void f ( ) { if ( a != null ) a . go ( ) ; b . go ( ) ; a . go ( ) ; }", "a", True),  # checked elsewhere
        ("void f ( ) { a . b ( ) . c ( ) ; }", "a . b", False),
    ],
)
def test_a_guard_is_known_if_no_other_value_is_as_likely_null(code, name, is_likely):
    assert is_likely_null(change(code), ("null", bare(name))) == is_likely


def test_other_guards_need_no_choice():
    assert is_likely_null(change("int f ( ) { return a / b ; }"), ("zero", ("b", "==", "0")))
