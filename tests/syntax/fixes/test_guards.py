import pytest

from coma_cli.syntax.fixes.change import change_of
from coma_cli.syntax.fixes.guards import guarded

ADDED = [
    ("T f ( ) { return a . b ( ) ; }", "T f ( ) { return ( a ) == null ? null : a . b ( ) ; }", "null"),
    ("T f ( ) { return a . b ( ) ; }", "T f ( ) { if ( ( a ) == null ) return null ; return a . b ( ) ; }", "null"),
    ("T f ( ) { return a . b ( ) ; }", "T f ( ) { if ( null != ( a ) ) { return a . b ( ) ; } return null ; }", "null"),
    ("T f ( ) { return a . b ( ) ; }", "T f ( ) { if ( a != null ) return a . b ( ) ; else return null ; }", "null"),
    ("void f ( ) { if ( a . b ( ) ) c ( ) ; }", "void f ( ) { if ( ( a != null ) && ( a . b ( ) ) ) c ( ) ; }", "null"),
    ("void f ( ) { if ( b ) a . c ( ) ; }", "void f ( ) { if ( b && ( a != null ) ) a . c ( ) ; }", "null"),
    (
        "void f ( ) { if ( b ) return ; a . c ( ) ; }",
        "void f ( ) { if ( b || a == null ) return ; a . c ( ) ; }",
        "null",
    ),
    (
        "void f ( L a ) { for ( T b : a ) c ( b ) ; }",
        "void f ( L a ) { if ( a != null ) for ( T b : a ) c ( b ) ; }",
        "null",
    ),
    ("T f ( ) { return a . get ( 0 ) ; }", "T f ( ) { return a . isEmpty ( ) ? null : a . get ( 0 ) ; }", "elements"),
    (
        "T f ( ) { return a . get ( 0 ) ; }",
        "T f ( ) { return ( a . size ( ) ) > 0 ? a . get ( 0 ) : null ; }",
        "elements",
    ),
    ("int f ( ) { return b / a ; }", "int f ( ) { return a == 0 ? 0 : b / a ; }", "zero"),
    ("T f ( int i ) { return a [ i ] ; }", "T f ( int i ) { return i < ( a . length ) ? a [ i ] : null ; }", "index"),
    ("T f ( int i ) { return a [ i ] ; }", "T f ( int i ) { if ( i < 0 ) return null ; return a [ i ] ; }", "index"),
    (
        "T f ( S a ) { return ( ( T ) ( a ) ) ; }",
        "T f ( S a ) { return a instanceof T ? ( ( T ) ( a ) ) : null ; }",
        "class",
    ),
]
OTHERS = [
    ("void f ( ) { b ( a ) ; }", "void f ( ) { if ( a != null ) b ( a ) ; }"),  # nothing fails for null
    ("void f ( ) { a . b ( ) ; }", "void f ( ) { if ( a == null ) a . b ( ) ; }"),  # the wrong way round
    ("void f ( ) { a . b ( ) ; }", "void f ( ) { if ( a == null ) throw new E ( ) ; a . b ( ) ; }"),  # which exception?
    ("T f ( ) { return a . b ( ) ; }", "T f ( ) { return a == null ? c : a . b ( ) ; }"),  # which value?
    ("void f ( ) { a . b ( ) ; }", "void f ( ) { if ( c ) a . b ( ) ; }"),
    ("void f ( ) { a . b ( ) ; }", "void f ( ) { if ( a != null ) a . c ( ) ; }"),  # something else changes as well
    (
        "void f ( ) { for ( T b : a ) c ( b ) ; }",
        "void f ( ) { if ( ( a . size ( ) ) > 0 ) for ( T b : a ) c ( b ) ; }",
    ),
    ("int f ( ) { return b + a ; }", "int f ( ) { return a == 0 ? 0 : b + a ; }"),
]


@pytest.mark.parametrize(("buggy", "fixed", "kind"), ADDED)
def test_a_guard_is_found_with_what_it_protects(buggy, fixed, kind):
    ((found, _),) = guarded(change_of(buggy, fixed))
    assert found == kind


@pytest.mark.parametrize(("buggy", "fixed"), OTHERS)
def test_a_condition_whose_code_does_not_fail_without_it_is_no_guard(buggy, fixed):
    assert guarded(change_of(buggy, fixed)) is None


def test_several_guards_are_one_fix():
    change = change_of(
        "void f ( ) { a . b ( ) ; c . d ( ) ; }",
        "void f ( ) { if ( a != null ) { a . b ( ) ; } if ( c != null ) { c . d ( ) ; } }",
    )
    assert sorted(guarded(change)) == [("null", ("a",)), ("null", ("c",))]


def test_equal_functions_have_no_guard():
    assert guarded(change_of("void f ( ) { a ( ) ; }", "void f ( ) { a ( ) ; }")) == []
