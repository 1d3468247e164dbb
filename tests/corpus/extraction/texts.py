"""What extraction may be given: texts of any kind, and some that are made to be slow or to break parsers."""

from hypothesis import strategies as st

LINES = st.sampled_from(
    [
        "def f(x):",
        "    return x",
        "    if x:",
        "        y = (1,",
        "    '''doc",
        "'''",
        "class A:",
        "    pass",
        "import os",
        "x = [1,",
        "2]",
        "print(f(1))",
        "else:",
        "# note",
        "",
        "It's prose (really.",
        "```python",
        "```",
        "~~~",
        "\tx = 1",
        "@decorated",
        "\x0c",
        "\0",
        "def f(x): return 2",
        "assert f(2)",
        "from __future__ import annotations",
        "if __name__ == '__main__':",
        "    main()",
    ]
)
TEXTS: st.SearchStrategy[str] = st.one_of(st.lists(LINES, max_size=25).map("\n".join), st.text(max_size=200))
HOSTILE = {
    "minus": "-" * 300_000 + "1",
    "brackets": "(" * 100_000,
    "attributes": "a" + ".b" * 90_000,
    "calls": "f" + "()" * 90_000,
    "sum": "1" + "+1" * 90_000,
    "nots": "not " * 40_000 + "1",
    "lambdas": "lambda:" * 20_000 + "1",
    "indents": "".join(" " * i + "if 1:\n" for i in range(400)),
    "elifs": "if a:\n pass\n" + "elif b:\n pass\n" * 9_000,
    "number": "x=" + "9" * 100_000,
    "comparisons": "a" + "<a" * 60_000,
    "nul": "def f():\n    return '\0'",
    "surrogate": "x = '\udc80'",
    "huge": "x = 1\n" * 2_000_000,
    "one line": "a;" * 90_000,
    "formfeeds": "\x0c" * 100_000,
    "fences": "```\n" * 50_000,
    "backticks": "`" * 200_000,
    "open strings": "'''\n" * 20_001,
    "errors": "x = )\n" * 20_000,
}
