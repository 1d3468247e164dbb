import pytest

from coma_cli.syntax.whole_functions import why_not_whole

WHOLE = [
    "int f(void)\n{\n    return 1;\n}",
    "static inline struct s *f(int a)\n{\n    return 0;\n};",
    "static void RENAME(f)(int a)\n{\n}",
    "int f(void)\n{\n    puts(\"}\"); /* } */ // }\n    return '}';\n}",
    "int f(int a)\n{\n#ifdef A\n    if (a) {\n#else\n    if (!a) {\n#endif\n        g();\n    }\n    return 0;\n}",
    "int f(a)\n    int a;\n{\n    return a;\n}",
    "START_TEST(name)\n{\n    g();\n}",
    "FAMILY(X9)(Object *o, void *data)\n{\n    g();\n}",
    "int f(void)\n{\n#define TWICE(x) \\\n    { x; \\\n      x;\n    g();\n    return 0;\n}",
    "int coroutine_fn f(void)\n{\n    FOREACH(a, b) {\n        g(a);\n    }\n    return 0;\n}",
]
CUT = [
    ("int f(int a)\n{\n    if (a) {\n        g();\n    return 0;\n}", "braces"),
    ("int f(int a)\n{\n    g();", "braces"),
    ("int f(int a)\n{\n    g(a;\n}", "braces"),
    ("int f(int a);", "braces"),
    ("f(int a)\n{\n    return a;\n}", "a return type"),
    ("static f(int a)\n{\n    return a;\n}", "a return type"),
    ("int f(void)\n{\n    return 1;\n}\nint g(void)\n{\n    return 2;\n}", "an end"),
]


@pytest.mark.parametrize("code", WHOLE)
def test_a_whole_function_lacks_nothing(code):
    assert why_not_whole(code) == ""


@pytest.mark.parametrize(("code", "lacking"), CUT)
def test_a_function_that_lost_lines_is_told(code, lacking):
    assert why_not_whole(code) == lacking
