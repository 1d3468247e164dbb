import pytest

from coma_cli.syntax.contained import contained_functions

CLASS = "class A:\n    def f(self):\n        def g():\n            return 1\n        return g\n\n\nprint(A().f())"
JAVA = "class A { int f() { return 1; } int g(int x) { if (x > 0) { return x; } return 2; } }"


def test_methods_and_nested_functions_of_python():
    assert [text.split("\n")[0].strip() for text in contained_functions("python", CLASS)] == [
        "def f(self):",
        "def g():",
    ]


def test_methods_of_other_languages():
    assert contained_functions("java", JAVA) == ["int f() { return 1; }", JAVA[JAVA.index("int g") : -2]]


def test_a_function_and_what_it_is_assigned_to():
    found = contained_functions("javascript", "const add = function (a, b) { return a + b; };")
    assert found == ["function (a, b) { return a + b; }", "const add = function (a, b) { return a + b; };"]


@pytest.mark.parametrize(
    ("language", "text"),
    [("python", "def f(:"), ("python", "x = 1"), ("sql", "SELECT 1"), ("java", "int f(;"), ("java", "x" * 200_000)],
)
def test_where_there_is_none(language, text):
    assert contained_functions(language, text) == []
