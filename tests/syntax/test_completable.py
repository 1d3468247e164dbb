import pytest

from coma_cli.syntax.completable import why_not_completable


@pytest.mark.parametrize(
    ("language", "begun", "before", "line", "why"),
    [
        ("java", "import org .", "package a ; import org .", "example . Thing ;", "an import"),
        ("python", "", "x = 1 <EOL>", "from a import b", "an import"),
        ("ruby", "", "files.each do |file|", "require file", "an import"),
        ("python", "", "x = 1 <EOL>", "from_ = x", None),
        ("python", "", "class A : <EOL>", "def run ( self ) :", "the start of a declaration"),
        ("python", "", "x . run ( ) <EOL>", "def run ( self ) :", None),
        ("java", "", "int size ; int getSize ( ) { return size ; }", "public void setSize ( int size ) {", None),
        ("java", "", "class A {", "@ Override public void close ( ) {", "the start of a declaration"),
        ("java", "void", "interface A { void", "setOpen ( boolean open ) ;", "the start of a declaration"),
        ("java", "int a =", "void g ( ) { int a =", "g ( ) ;", None),
        ("java", "@", "import a ; @", "Uses ( '<STR_LIT>' ) public class B {", "the start of a declaration"),
        ("java", "void f (", "void f (", "int a ) {", None),
        ("python", "print (", "print (", "'a' , x", "it goes on after its end"),
        ("python", "xs = [", "xs = [", "1 ,", None),  # the author broke the line there
        ("java", "a . b", "a . b", ". c ( )", "it goes on after its end"),
        ("", "", "unless ok?", 'raise "The file that you gave does not exist"', "a text"),
        ("", "", "unless ok?", 'raise "not found"', None),
    ],
)
def test_lines_that_nothing_before_them_tells_or_that_are_cut(language, begun, before, line, why):
    assert why_not_completable(language, begun, before, line) == why
