import pytest

from coma_cli.syntax.code_layout import outdent, split_joined_lines, undouble_lines, undouble_program


def test_an_indented_member_moves_to_the_margin():
    assert outdent("    int f() {\n        return 1;\n    }\n") == "int f() {\n    return 1;\n}"
    assert outdent("    int f() {\n  return 1;\n    }") == "    int f() {\n  return 1;\n    }"


def test_doubled_line_ends_become_single_ones():
    assert undouble_lines("a\n\nb\n\n\n\nc\n\nd") == "a\nb\n\nc\nd"
    assert undouble_lines("a\nb\n\nc\nd") == "a\nb\n\nc\nd"


@pytest.mark.parametrize(
    ("code", "single"),
    [
        (
            'class S:\n\n    def f(self, n):\n\n        """\n\n        :type n: int\n\n        """\n\n        return n',
            'class S:\n    def f(self, n):\n        """\n        :type n: int\n        """\n        return n',
        ),
        ("int main() {\n  \n    int a = 1;\n  \n    return a;\n}", "int main() {\n    int a = 1;\n    return a;\n}"),
        ("import re\n\ns = 'ab'\n\nprint(s)\n\nprint(re)", None),
        ("def f():\n    a = 1\n\n    b = 2\n\n    return a\n\nf()", None),
        ("if x:\n\n    y = 1", None),
    ],
)
def test_programs_with_doubled_line_ends_have_blank_lines_behind_what_opens_a_block(code, single):
    assert undouble_program(code) == (code if single is None else single)


@pytest.mark.parametrize(
    ("language", "code", "split"),
    [
        (
            "cpp",
            "int main()\n{\n    int a = 1;     int b = 2;     if (a)     {\n        b++;\n    }\n    return b; }",
            "int main()\n{\n    int a = 1;\n    int b = 2;\n    if (a)\n    {\n        b++;\n    }\n    return b; }",
        ),
        ("c", "int a;     int b;", None),  # one joint may be somebody's alignment
        ("c", 'char *s = "a;     b;     c;     d";', None),
        ("java", "int a = 1;\nint b = 2;", None),
    ],
)
def test_statements_on_one_line_are_split_where_indentation_shows_lost_line_ends(language, code, split):
    assert split_joined_lines(code, language) == (code if split is None else split)
