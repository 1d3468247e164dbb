"""Kinds of fixes, each with a pair that it covers and one that looks alike and is a guess."""

import pytest

from coma_cli.syntax.fixes.change import change_of
from coma_cli.syntax.fixes.kinds import ADDITIONS, MOVES, REPAIRS, knowable_kind

NAMED = {
    "string-identity": (
        "boolean f ( java.lang.String a ) { return ( a ) == STRING_1 ; }",
        "boolean f ( java.lang.String a ) { return a . equals ( STRING_1 ) ; }",
    ),
    "inverted-null-check": (
        "void f ( T a ) { if ( a == null ) { a . go ( ) ; } }",
        "void f ( T a ) { if ( a != null ) { a . go ( ) ; } }",
    ),
    "wrong-conjunction": (
        "boolean f ( T a ) { return ( ( a ) == null ) && ( a . isEmpty ( ) ) ; }",
        "boolean f ( T a ) { return ( ( a ) == null ) || ( a . isEmpty ( ) ) ; }",
    ),
    "late-check": (
        "boolean f ( T a ) { return ( a . isEmpty ( ) ) || ( ( a ) == null ) ; }",
        "boolean f ( T a ) { return ( ( a ) == null ) || ( a . isEmpty ( ) ) ; }",
    ),
    "null-safe-equals": (
        "boolean f ( ) { return name . equals ( STRING_1 ) ; }",
        "boolean f ( ) { return STRING_1 . equals ( name ) ; }",
    ),
    "past-the-end": (
        "void f ( int [ ] a ) { for ( int i = 0 ; i <= ( a . length ) ; i ++ ) { go ( a [ i ] ) ; } }",
        "void f ( int [ ] a ) { for ( int i = 0 ; i < ( a . length ) ; i ++ ) { go ( a [ i ] ) ; } }",
    ),
    "sign-of-comparison": (
        "boolean f ( T a ) { return ( a . compareTo ( b ) ) == 1 ; }",
        "boolean f ( T a ) { return ( a . compareTo ( b ) ) > 0 ; }",
    ),
    "whole-division": (
        "double f ( int a , int b ) { return a / b ; }",
        "double f ( int a , int b ) { return ( ( double ) ( a ) ) / b ; }",
    ),
    "assigned-to-itself": ("void f ( int a ) { a = a ; }", "void f ( int a ) { this . a = a ; }"),
    "unused-variable": (
        "T f ( int a , int b ) { return new T ( b , b ) ; }",
        "T f ( int a , int b ) { return new T ( a , b ) ; }",
    ),
    "checked-variable": (
        "void f ( T b ) { if ( ( a ) != null ) b . stop ( ) ; a = b ; }",
        "void f ( T b ) { if ( ( a ) != null ) a . stop ( ) ; a = b ; }",
    ),
    "ignored-result": (
        "T f ( java.lang.String a ) { a . trim ( ) ; return g ( a ) ; }",
        "T f ( java.lang.String a ) { a = a . trim ( ) ; return g ( a ) ; }",
    ),
    "endless-recursion": (
        "int f ( int a ) { return this . f ( a ) ; }",
        "int f ( int a ) { return super . f ( a ) ; }",
    ),
    "other-length": (
        "T f ( int n ) { int i = n % ( a . size ( ) ) ; return b . get ( i ) ; }",
        "T f ( int n ) { int i = n % ( b . size ( ) ) ; return b . get ( i ) ; }",
    ),
    "loop-direction": (
        "void f ( ) { for ( int i = n - 1 ; i >= 0 ; i ++ ) { go ( i ) ; } }",
        "void f ( ) { for ( int i = n - 1 ; i >= 0 ; i -- ) { go ( i ) ; } }",
    ),
    "other-counter": (
        "void f ( int a ) { int i = a ; while ( a < n ) { go ( i ) ; i ++ ; } }",
        "void f ( int a ) { int i = a ; while ( i < n ) { go ( i ) ; i ++ ; } }",
    ),
    "other-check": (
        "void f ( ) { if ( ( a ( ) ) != null ) { b ( ) . go ( ) ; } }",
        "void f ( ) { if ( ( b ( ) ) != null ) { b ( ) . go ( ) ; } }",
    ),
    "built-value": (
        "L f ( ) { L a = new L ( b ) ; a . add ( c ) ; return b ; }",
        "L f ( ) { L a = new L ( b ) ; a . add ( c ) ; return a ; }",
    ),
    "other-key": (
        "T f ( K a ) { T v = m . get ( a ) ; if ( v == null ) { v = new T ( ) ; m . put ( k ( ) , v ) ; } return v ; }",
        "T f ( K a ) { T v = m . get ( a ) ; if ( v == null ) { v = new T ( ) ; m . put ( a , v ) ; } return v ; }",
    ),
    "not-forwarded": ("void f ( T a ) { b . f ( ) ; }", "void f ( T a ) { b . f ( a ) ; }"),
    "wrong-limit": (
        "void f ( ) { if ( ( x ) < 0 ) x = 0 ; if ( ( x ) > INT_1 ) x = 0 ; }",
        "void f ( ) { if ( ( x ) < 0 ) x = 0 ; if ( ( x ) > INT_1 ) x = INT_1 ; }",
    ),
    "not-kept": (
        "T f ( ) { if ( ( a ) == null ) return new T ( ) ; return a ; }",
        "T f ( ) { if ( ( a ) == null ) a = new T ( ) ; return a ; }",
    ),
    "old-value": ("T f ( K a ) { return m . put ( a , v ) ; }", "T f ( K a ) { m . put ( a , v ) ; return v ; }"),
    "not-thrown": (
        "void f ( ) { new java.lang.IllegalStateException ( STRING_1 ) ; }",
        "void f ( ) { throw new java.lang.IllegalStateException ( STRING_1 ) ; }",
    ),
    "repeated-statement": ("void f ( ) { go ( a ) ; go ( a ) ; }", "void f ( ) { go ( a ) ; }"),
    "missing-break": (
        "void f ( int a ) { switch ( a ) { case 0 : go ( ) ; default : stop ( ) ; } }",
        "void f ( int a ) { switch ( a ) { case 0 : go ( ) ; break ; default : stop ( ) ; } }",
    ),
    "not-released": (
        "void f ( T b ) { R a = new R ( b ) ; b . use ( a ) ; }",
        "void f ( T b ) { R a = new R ( b ) ; try { b . use ( a ) ; } finally { a . close ( ) ; } }",
    ),
    "missing-exit": (
        "void f ( T a ) { if ( a == null ) { warn ( ) ; } a . go ( ) ; }",
        "void f ( T a ) { if ( a == null ) { warn ( ) ; return ; } a . go ( ) ; }",
    ),
    "endless-loop": (
        "void f ( int n ) { int i = 0 ; while ( i < n ) { go ( ) ; } }",
        "void f ( int n ) { int i = 0 ; while ( i < n ) { go ( ) ; i ++ ; } }",
    ),
    "not-stored": (
        "T f ( K a ) { T v = m . get ( a ) ; if ( v == null ) { v = new T ( ) ; } return v ; }",
        "T f ( K a ) { T v = m . get ( a ) ; if ( v == null ) { v = new T ( ) ; m . put ( a , v ) ; } return v ; }",
    ),
    "used-before-check": (
        "void f ( T a ) { log ( a . id ( ) ) ; if ( a == null ) { return ; } go ( ) ; }",
        "void f ( T a ) { if ( a == null ) { return ; } log ( a . id ( ) ) ; go ( ) ; }",
    ),
    "used-before-set": (
        "T f ( ) { T a = null ; all . add ( a ) ; a = new T ( ) ; return a ; }",
        "T f ( ) { T a = null ; a = new T ( ) ; all . add ( a ) ; return a ; }",
    ),
    "extended-guard": (
        "void f ( ) { if ( ( a ) != null ) { go ( ) ; } a . stop ( ) ; }",
        "void f ( ) { if ( ( a ) != null ) { go ( ) ; a . stop ( ) ; } }",
    ),
    "guard": ("void f ( T a ) { a . go ( ) ; }", "void f ( T a ) { if ( a != null ) { a . go ( ) ; } }"),
}
GUESSES = {
    "another literal": ("int f ( ) { return 1 ; }", "int f ( ) { return 2 ; }"),
    "another method": ("void f ( ) { METHOD_1 ( ) ; }", "void f ( ) { METHOD_2 ( ) ; }"),
    "another flag": ("void f ( ) { go ( true ) ; }", "void f ( ) { go ( false ) ; }"),
    "a deleted statement": ("void f ( ) { log ( a ) ; go ( ) ; }", "void f ( ) { go ( ) ; }"),
    "an added statement": ("void f ( ) { go ( ) ; }", "void f ( ) { go ( ) ; log ( a ) ; }"),
    "another signature": ("void f ( int a ) { go ( a ) ; }", "void f ( long a ) { go ( a ) ; }"),
    "a renamed variable": ("void f ( T a ) { go ( a ) ; }", "void f ( T b ) { go ( b ) ; }"),
    "a body": ("int f ( ) { return 1 ; }", "int f ( ) { return go ( ) ; }"),
    "an argument that nothing suggests": ("void f ( ) { go ( a ) ; }", "void f ( ) { go ( a , b ) ; }"),
    "an operator that nothing contradicts": ("int f ( ) { return a + b ; }", "int f ( ) { return a - b ; }"),
    "a boundary that nothing shows": ("boolean f ( ) { return a < b ; }", "boolean f ( ) { return a <= b ; }"),
    "a comparison of numbers": (
        "boolean f ( int a ) { return a == b ; }",
        "boolean f ( int a ) { return b . equals ( a ) ; }",
    ),
    "a check that fails for nothing": (
        "void f ( T a ) { if ( a == null ) { go ( ) ; } }",
        "void f ( T a ) { if ( a != null ) { go ( ) ; } }",
    ),
    "a guard of what nothing uses": (
        "void f ( T a ) { go ( a ) ; }",
        "void f ( T a ) { if ( a != null ) { go ( a ) ; } }",
    ),
    "a guard of one of two": (
        "void f ( ) { a . go ( ) ; b . go ( ) ; }",
        "void f ( ) { a . go ( ) ; if ( ( b ) != null ) { b . go ( ) ; } }",
    ),
    "two unused parameters": (
        "T f ( int a , int b , int c ) { return new T ( c , c ) ; }",
        "T f ( int a , int b , int c ) { return new T ( b , c ) ; }",
    ),
    "one of two constants": (
        "T f ( java.lang.String a ) { return new T ( STRING_1 , STRING_2 ) ; }",
        "T f ( java.lang.String a ) { return new T ( STRING_1 , a ) ; }",
    ),
    "one of two uses": (
        "boolean f ( T a , T b ) { return ( g ( a ) ) && ( a . h ( ) ) ; }",
        "boolean f ( T a , T b ) { return ( g ( b ) ) && ( a . h ( ) ) ; }",
    ),
    "repeated output": ("void f ( ) { a . append ( b ) ; a . append ( b ) ; }", "void f ( ) { a . append ( b ) ; }"),
    "a resource of somebody else": ("void f ( R a ) { go ( a ) ; }", "void f ( R a ) { go ( a ) ; a . close ( ) ; }"),
    "recursion that ends": (
        "int f ( int a ) { if ( b ) return 0 ; return f ( a - 1 ) ; }",
        "int f ( int a ) { if ( b ) return 0 ; return super . f ( a - 1 ) ; }",
    ),
    "a swap of statements": ("void f ( ) { a ( ) ; b ( ) ; }", "void f ( ) { b ( ) ; a ( ) ; }"),
    "a last case without a break": (
        "void f ( int a ) { switch ( a ) { case 0 : go ( ) ; } }",
        "void f ( int a ) { switch ( a ) { case 0 : go ( ) ; break ; } }",
    ),
}


def kind_of(buggy, fixed):
    change = change_of(buggy, fixed)
    assert change is not None, "a fixture does not parse"
    return knowable_kind(change)


@pytest.mark.parametrize("kind", NAMED)
def test_a_fix_that_the_buggy_function_tells_has_a_kind(kind):
    assert kind_of(*NAMED[kind]) == kind


@pytest.mark.parametrize("kind", NAMED)
def test_the_reverse_of_a_fix_is_no_fix(kind):
    assert kind_of(*reversed(NAMED[kind])) == "" or kind in ("unused-variable", "checked-variable")


def test_every_rule_has_a_pair():
    assert {*REPAIRS, *ADDITIONS, *MOVES, "guard", "extended-guard"} == set(NAMED)


@pytest.mark.parametrize("name", GUESSES)
def test_a_fix_that_nothing_tells_has_none(name):
    assert kind_of(*GUESSES[name]) == ""


def test_several_places_of_one_kind_are_one_fix():
    buggy = "boolean f ( ) { return ( ( a ) == STRING_1 ) || ( ( b ) == STRING_2 ) ; }"
    fixed = "boolean f ( ) { return ( a . equals ( STRING_1 ) ) || ( b . equals ( STRING_2 ) ) ; }"
    assert kind_of(buggy, fixed) == "string-identity"


def test_a_function_with_a_syntax_error_has_no_trees():
    assert change_of("void f ( ) { go ( VAR_1 class ) ; }", "void f ( ) { go ( ) ; }") is None
