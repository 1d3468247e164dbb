# ruff: noqa: E501
import pytest

from coma_cli.syntax.documentation import leaks, prose_of
from coma_cli.syntax.functions import FUNCTION_LANGUAGES, functions, without_documentation
from coma_cli.syntax.trees import parses
from tests.syntax.samples import SAMPLES

each_language = pytest.mark.parametrize("language", SAMPLES)


def described(language, text):
    return {f.name: f for f in reversed(functions(language, text)) if f.documentation}


def test_the_samples_are_of_languages_whose_functions_are_found():
    assert set(SAMPLES) <= set(FUNCTION_LANGUAGES)


@each_language
def test_documented_functions_are_found_with_signature_summary_and_cuts(language):
    text, wanted = SAMPLES[language]
    found = described(language, text)
    assert set(found) == set(wanted)
    for name, (header, summary, statements) in wanted.items():
        function = found[name]
        prose = prose_of(function.documentation, language)
        assert function.header == header
        assert (prose.summary if prose else None) == summary
        assert [function.code[start:end] for start, end in function.cuts] == statements


@each_language
def test_code_parses_alone_and_holds_nothing_of_its_documentation(language):
    for function in described(language, SAMPLES[language][0]).values():
        prose = prose_of(function.documentation, language)
        assert parses(language, function.code)
        assert function.code.startswith(function.header)
        assert prose is None or leaks(prose.description, function.code) is None
        assert not function.code[0].isspace()


@each_language
def test_lines_are_those_of_the_file_documentation_included(language):
    text, _ = SAMPLES[language]
    lines = text.split("\n")
    for function in described(language, text).values():
        first, last = function.lines
        excerpt = "\n".join(lines[first - 1 : last])
        assert all(line.strip() in excerpt for line in function.documentation.split("\n"))
        assert function.code.split("\n")[-1].strip() in lines[last - 1]


@each_language
def test_windows_line_ends_change_nothing(language):
    text, _ = SAMPLES[language]
    assert functions(language, text.replace("\n", "\r\n")) == functions(language, text)


@each_language
def test_a_function_read_alone_is_the_same_function(language):
    for function in described(language, SAMPLES[language][0]).values():
        alone = without_documentation(language, function.code)
        assert alone is not None
        assert (alone.header, alone.code, alone.cuts) == (function.header, function.code, function.cuts)
        assert function.empty == alone.empty


@each_language
def test_documentation_above_a_lone_function_is_taken_off(language):
    if language == "python":
        return
    for function in described(language, SAMPLES[language][0]).values():
        alone = without_documentation(language, f"{function.documentation}\n{function.code}")
        assert alone is not None
        assert (alone.code, alone.documentation) == (function.code, function.documentation)


@each_language
def test_a_broken_function_is_left_out_and_its_neighbours_are_not(language):
    text, _ = SAMPLES[language]
    broken = {"python": "def f(:\n", "ruby": "def f(\n"}.get(language, "\n) ] int f( {{ 1 +\n")
    found = functions(language, text + broken)
    assert all(parses(language, function.code) for function in found)


def test_unicode_moves_no_place():
    text = (
        SAMPLES["java"][0]
        .replace('"moved', '"é\U0001f600 moved')
        .replace("Moves by so", "Bewegt größer \U0001f600 by so")
    )
    function = described("java", text)["Point.move"]
    assert [function.code[a:b] for a, b in function.cuts][1:] == [
        'log.info("é\U0001f600 moved {}", next);',
        "return new Point<>(x);",
    ]
    assert function.documentation == "// Bewegt größer \U0001f600 by so much."


def test_overloads_are_different_functions():
    moves = [f for f in functions("java", SAMPLES["java"][0]) if f.name == "Point.move"]
    assert [f.header[:20] for f in moves] == ["public <S> Point<T> ", "public Point<T> move"]
    assert moves[0].lines != moves[1].lines


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("java", "void f() { throw new UnsupportedOperationException(); }"),
        ("java", "void f() {\n  // nothing to do\n}"),
        ("csharp", 'int F() => throw new NotImplementedException("x");'),
        ("rust", "fn f() -> u8 { unimplemented!() }"),
        ("ruby", "def f\n  raise NotImplementedError, 'later'\nend"),
        ("go", 'func f() { panic("not implemented") }'),
        ("javascript", "function f() {}"),
        ("c", "void f(void) { return; }"),
        ("python", "def f():\n    raise NotImplementedError"),
    ],
)
def test_a_body_that_does_nothing_is_empty(language, code):
    function = without_documentation(language, code)
    assert function is not None
    assert function.empty


def test_lines_in_strings_keep_their_blanks():
    code = "  func (c *C) f() string {\n    x := `a\n    b`\n    return x + c.name\n  }"
    function = without_documentation("go", code)
    assert function is not None
    assert function.code == "func (c *C) f() string {\n  x := `a\n    b`\n  return x + c.name\n}"


def test_a_method_cut_out_at_its_first_letter_is_aligned_again():
    java = without_documentation("java", "public int f() {\n        int x = g();\n        return x;\n    }")
    assert java is not None
    assert java.code == "public int f() {\n    int x = g();\n    return x;\n}"
    python = without_documentation(
        "python", 'def f(self):\n        """Do\n        so."""\n        return """x\n        y"""'
    )
    assert python is not None
    assert python.code == 'def f(self):\n    return """x\n        y"""'


@pytest.mark.parametrize("code", ["", "int x = 1;", "class A {}", "int f( {", "// only words"])
def test_what_is_no_function_gives_none(code):
    assert without_documentation("java", code) is None
    assert without_documentation("sql", code) is None


def test_a_function_without_a_name_counts_where_it_is_alone():
    function = without_documentation("javascript", "function (a, b) {\n  return a + b;\n}")
    assert function is not None
    assert (function.name, function.header) == ("", "function (a, b)")


def test_comments_that_repeat_the_documentation_go_with_it():
    code = "// Adds up all prices.\nint f(int a) {\n  int b = a; // Adds up all prices\n  // adds up\n  // all prices.\n  return b;\n}"
    function = without_documentation("c", code)
    assert function is not None
    assert function.code == "int f(int a) {\n  int b = a;\n  return b;\n}"


def test_a_comment_behind_code_or_a_blank_line_away_is_no_documentation():
    code = "int x; // A number of things.\nint f(int a) { return a; }\n\n// Words about nothing.\n\nint g(void) { return x; }"
    assert [f.documentation for f in functions("c", code)] == ["", ""]
