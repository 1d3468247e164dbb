"""Where a program contains a function."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.jsonl import read_rows
from coma_cli.syntax.containing import span_of_function
from tests.requirements import shared_data

AREA = 'def area(r):\n    """Of a circle."""\n    return pi * pow(r, 2)  # in m2\n'
SAME = {
    "as it is": f"from math import pi\n\n{AREA}\nprint(area(1))\n",
    "laid out anew": "from math import pi\n\n\ndef area(\n    r,\n):\n  return pi * pow(\n    r, 2)\n",
    "without comments": "from math import pi\ndef area(r):\n    return pi * pow(r, 2)\n",
    "another docstring": "import math\ndef area(r):\n    '''The area.'''\n    return math.pi * math.pow(r, 2)\n",
    "in a class": "from math import pi\nclass Circle:\n    def area(r):\n        return pi * pow(r, 2)\n",
}
OTHER = {
    "another number": "def area(r):\n    return pi * pow(r, 3)\n",
    "another name": "def surface(r):\n    return pi * pow(r, 2)\n",
    "a statement more": "def area(r):\n    r = abs(r)\n    return pi * pow(r, 2)\n",
    "a receiver": "def area(self, r):\n    return self.pi * pow(r, 2)\n",
    "an attribute of the receiver": "def area(r):\n    return self.pi * pow(r, 2)\n",
    "cut off": "def area(r):\n    return pi *",
    "nothing": "",
    "told only": "# def area(r): return pi * pow(r, 2)\n",
}


@pytest.mark.parametrize("program", SAME.values(), ids=SAME)
def test_the_same_tokens_are_the_function(program):
    start, end = span_of_function("python", program, AREA)
    found = program[start:end]
    assert found.startswith("def area(") and found.endswith("2)")


@pytest.mark.parametrize("program", OTHER.values(), ids=OTHER)
def test_any_other_token_is_another_function(program):
    assert span_of_function("python", program, AREA) is None


def test_either_side_may_qualify_a_name():
    short, long = "def f(x):\n    return sqrt(x)\n", "def f(x):\n    return math.sqrt(x)\n"
    assert span_of_function("python", long, short) == (0, len(long) - 1)
    assert span_of_function("python", short, long) == (0, len(short) - 1)
    assert span_of_function("python", short, "def f(x):\n    return self.sqrt(x)\n") is None


def test_quotes_may_be_exchanged_and_the_text_may_not():
    function = "def f():\n    return 'a b'\n"
    assert span_of_function("python", 'def f():\n    return "a b"\n', function)
    assert span_of_function("python", 'def f():\n    return "a  b"\n', function) is None


# A function, a program with it, and a word of that program whose change makes it another function.
FORMS = {
    "java": (
        "int twice(int x) { return 2 * x; }",
        "class Main {\n  // it\n  public static int twice(int x) {\n    return 2 * x;\n  }\n}",
        "2",
    ),
    "javascript": (
        "function f(a) { return [a, 'b'] }",
        'const x = 1;\nfunction f(a) {\n  return [a, "b",];\n}\n',
        '"b"',
    ),
    "go": (
        "func F(a int) string { return Itoa(a) }",
        'package main\nimport "strconv"\nfunc F(a int) string {\n\treturn strconv.Itoa(a)\n}\nfunc main() {}\n',
        "Itoa",
    ),
    "c": (
        "int f(int a){return a+1;}",
        "#include <stdio.h>\nstatic int f(int a) {\n  return a + 1; /* more */\n}\nint main(void) { return f(2); }\n",
        "1",
    ),
    "cpp": (
        "int f(vector<int> a) { return a.size(); }",
        "#include <vector>\nint f(std::vector<int> a) {\n  return a.size();\n}\n",
        "size",
    ),
    "csharp": (
        "public int F(int a) { return a; }",
        "using System;\nclass P { static int F(int a) { return a; } }",
        "return a",
    ),
    "php": (
        "function f($a) { return $a . 'x'; }",
        '<?php\nfunction f($a)\n{\n    return $a . "x";\n}\n',
        '"x"',
    ),
    "ruby": (
        "def f(a)\n  a + 1\nend",
        "require 'set'\n# it\ndef f(a)\n    a + 1\nend\nputs f(2)\n",
        "1",
    ),
    "rust": (
        "fn f(a: HashMap<u8, u8>) -> usize { a.len() }",
        "use std::collections;\npub fn f(a: collections::HashMap<u8, u8>) -> usize {\n    a.len()\n}\nfn main() {}\n",
        "len",
    ),
}


@pytest.mark.parametrize("language", FORMS)
def test_every_language_of_the_recipe(language):
    function, program, word = FORMS[language]
    assert span_of_function(language, program, function)
    assert program.count(word) == 1
    assert span_of_function(language, program.replace(word, "0"), function) is None


def test_without_a_grammar_words_and_signs_are_compared():
    assert span_of_function("cobol", "A.\n  ADD  1 TO x.\n", "ADD 1 TO x.") == (5, 17)
    assert span_of_function("cobol", "ADD 2 TO x.", "ADD 1 TO x.") is None
    assert span_of_function("python", "x = 1", "") is None


@given(st.text(max_size=200), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_a_place_within_it_or_none(program, function):
    found = span_of_function("python", program, function)
    assert found is None or 0 <= found[0] < found[1] <= len(program)


@pytest.mark.parametrize("language", ["python", "java", "go", "javascript", "php", "ruby", "c", "csharp"])
def test_real_functions_are_found_among_others(language):
    folder = shared_data() / "codecapybara_seed" / language
    path = next(path for path in sorted(folder.rglob("*.jsonl*")))
    codes = [row["code"] for row in list(read_rows(path))[:20]]
    assert len(codes) >= 5
    for before, code in zip(codes[1:], codes, strict=False):
        if before.strip() != code.strip():
            program = f"{before}\n\n{code}\n"
            assert span_of_function(language, program, code), code
