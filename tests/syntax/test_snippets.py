import pytest

from coma_cli.syntax.snippets import snippet_fault


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "x = [1, 2]"),
        ("python", "name.upper()"),
        ("python", "a + b"),
        ("python", "rows[::-1]"),
        ("python", "    def f(x):\n        return x"),
        ("python", "print 'it', x"),
        ("python2", "print 'it'"),
        ("sql", "SELECT name FROM people WHERE age > 3"),
        ("sql", "(SELECT a FROM t)\nUNION ALL\n(SELECT b FROM u)"),
        ("sql", ";WITH c AS (SELECT TOP 1 a FROM t) SELECT * FROM c CROSS APPLY f(c.a)"),
        ("sql", "SELECT a FROM t WHERE b = 'and so on...' -- the rest ..."),
        ("java", "int n = 3;\nSystem.out.println(n);"),
        ("unspecified", "anything at all"),
    ],
)
def test_code_has_no_fault(language, code):
    assert snippet_fault(language, code) is None


@pytest.mark.parametrize(
    ("language", "code", "fault"),
    [
        ("python", "['5.7e+18', '5.8e+18']", "only values"),
        ("python", "AB-C1-D2\nAB-C2-D3", "only values"),
        ("python", "1 - 2\n2 - 7", "only values"),
        ("python", "KLM, NOP, QRS", "only values"),
        ("python", "# do something with it", "only comments"),
        ("python", ">>> f(1\n2", "a session or its output"),
        ("python", "In [5]: %edit -x", "a session or its output"),
        ("python", "for row in rows:\n    ...do something...", "does not parse"),
        ("python", "$ pip install it", "a session or its output"),
        ("python", "Type it and press return.", "does not parse"),
        ("sql", "1 - 2\n2 - 7", "does not parse"),
        ("sql", "Query 2 WITH c AS (SELECT 1) SELECT * FROM c", "does not parse"),
        ("sql", "mysql> SELECT 1;", "a session or its output"),
        ("sql", "+----+---+\n| id | n |\n+----+---+", "a session or its output"),
        ("sql", "SELECT a, <<other columns>> FROM t", "does not parse"),
        ("sql", "SELECT a FROM t WHERE ...", "does not parse"),
        ("java", "The class was not found, so add it to the path: then start again.", "does not parse"),
    ],
)
def test_what_is_no_code_has_a_fault(language, code, fault):
    assert snippet_fault(language, code) == fault
