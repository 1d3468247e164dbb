import pytest

from coma_cli.syntax.known_mistakes import known_mistake, unreachable


@pytest.mark.parametrize(
    ("language", "code", "mistake"),
    [
        ("cpp", "while (!in.eof()) { in.get(c); out.put(c); }", "while (!in.eof()) reads once too often"),
        ("c", "while (!feof(f)) { fgets(s, 9, f); }", "while (!feof(f)) reads once too often"),
        ("c", "while (fgets(s, 9, f)) { if (feof(f)) return; }", None),
        ("c", "char c;\nwhile ((c = fgetc(f)) != EOF) { f(c); }", "c is a char, which can't hold EOF"),
        ("c", "int c;\nwhile ((c = fgetc(f)) != EOF) { f(c); }", None),
        ("java", "HttpServletRequest request = null;\nString path = request.getContextPath();", "request is null"),
        ("java", "Reader in = null;\ntry { in = open(); } finally { in.close(); }", None),
        ("java", "Reader in = null;\nif (in != null) { in.close(); }", None),
        ("java", "class A { }\nA a = new A();", "statements beside a class"),
        ("java", "class A { }\nclass B { }", None),
        ("go", 'package main\n\nimport "os"\n\nfunc main() {}', "os is not used, or hides a package"),
        (
            "go",
            'package main\n\nimport "image/color"\n\nfunc f() {\n\tcolor := g()\n\th(color, color.RGBA{1, 2, 3, 4})\n}',
            "color is not used, or hides a package",
        ),
    ],
)
def test_mistakes_that_a_text_shows(language, code, mistake):
    assert known_mistake(language, code) == mistake


@pytest.mark.parametrize(
    ("language", "code", "line"),
    [
        ("python", "def f(x):\n    return x\n    x += 1", "x += 1"),
        ("python", "def f():\n    return\n    yield", None),  # makes it a generator
        ("python", "for x in y:\n    if x:\n        continue\n    print(x)", None),
        ("java", "int f() {\n  return 1;\n  g();\n}", "g();"),
        ("javascript", "function f() {\n  return g();\n  function g() { return 1; }\n}", None),
        ("c", "int f(int a) {\n  if (a)\n    return 1;\n  return 2; // done\n}", None),
        ("php", "function f() {\n  throw new A();\n  // never\n}", None),
    ],
)
def test_statements_behind_a_return_are_never_reached(language, code, line):
    assert unreachable(language, code) == line
