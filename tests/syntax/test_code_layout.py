import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coma_cli.syntax import code_layout
from coma_cli.syntax.code_layout import (
    outdent,
    split_closing_braces,
    split_joined_lines,
    undouble_lines,
    undouble_program,
)


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
        ("c", "  int a;     int b;", "  int a;\n  int b;"),
        ("c", "for (i = 0;  i < 3;  i++) f(i);", None),
        ("cpp", "#include <map> using namespace std;", "#include <map>\nusing namespace std;"),
        ("cpp", "#include <map> // ordered", None),
        ("ruby", "a = b.transpose puts a.inspect", "a = b.transpose\nputs a.inspect"),
        ("ruby", "xs.each do |x| puts x end", None),
        ("ruby", "elsif_puts = 'a puts b'\nprint_list", None),
        ("python", "xs.sort() print(xs)", "xs.sort()\nprint(xs)"),
        ("python", "s = []   s.append(1)   print('a   b')", "s = []\ns.append(1)\nprint('a   b')"),
        ("python", "    a = 1\n    print(a)", "a = 1\nprint(a)"),
        ("python", "what is this   and that", None),
        ("c", 'char *s = "a;     b;     c;     d";', None),
        ("java", "int a = 1;\nint b = 2;", None),
    ],
)
def test_statements_on_one_line_are_split_where_indentation_shows_lost_line_ends(language, code, split):
    assert split_joined_lines(code, language) == (code if split is None else split)


@pytest.mark.parametrize(
    ("code", "split"),
    [
        ("int f() {\n    return 1;}", "int f() {\n    return 1;\n}"),
        (
            "void f() {\n    for (;;) {\n        g();\n    }}\nint x;",
            "void f() {\n    for (;;) {\n        g();\n    }\n}\nint x;",
        ),
        ("s.on('a', () => {\n    go();});", "s.on('a', () => {\n    go();\n});"),
        ("int f() { return 1; }", None),
        ("int f() {\n    if (a) { b(); }\n}", None),
        ("a = '{\\n;}';", None),
    ],
)
def test_closing_braces_get_a_line_of_their_own_again(code, split):
    assert split_closing_braces(code) == (code if split is None else split)


PIECES = [
    "\n",
    "\n\n",
    " ",
    "    ",
    "\t",
    "\r\n",
    "}",
    "{",
    ";",
    ")",
    "(",
    ":",
    "[",
    "x",
    "do",
    "'",
    "//",
    "#include <a>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("{\n \n  x\n\n}\n\ny\n")
@example("a {\n b {\n x;}}\n")
@example("{ x;    y }")
def test_the_first_look_leaves_alone_what_the_whole_way_would_leave_alone(code):
    ways = (undouble_program, split_closing_braces, lambda text: split_joined_lines(text, "java"))
    at_once = [way(code) for way in ways]
    with pytest.MonkeyPatch.context() as patched:
        for look in ("_MAY_BE_DOUBLED", "_MAY_BE_CLOSED_BEHIND", "_MAY_BE_JOINED"):
            patched.setattr(code_layout, look, re.compile(""))
        assert [way(code) for way in ways] == at_once
