import re

import pytest

from coma_cli.corpus.dedup.normalized_code import normalized
from coma_cli.corpus.lexing import lex


def keys(language, *codes, field="hashes"):
    """The normalized tokens of some texts."""
    made = normalized(lex(codes), [language] * len(codes))
    return [getattr(made, field)[start:end].tolist() for start, end in zip(made.bounds, made.bounds[1:], strict=False)]


PYTHON = """class Cache:
    def __init__(self, limit):
        self._items = {}
        self._limit = limit

    def put(self, key, value):
        old, fresh = len(self._items), key
        for place, (name, other) in enumerate(self._items.items()):
            self._items[name] = other
        self._items[key] = value or fresh
"""


NAMES = [
    ("python", PYTHON, "_items _entries _limit _most limit most Cache Store put keep"),
    ("python", PYTHON, "key index value thing old before fresh recent"),
    ("python", "with open(path) as f:\n    for n, line in enumerate(f):\n        print(n, line)", "line row f g"),
    ("java", "int sum(int[] xs) { int s = 0; for (int x : xs) { s += x; } return s; }", "sum add xs v s t"),
    ("java", "void put(Map<String, List<A>> all, A one) { all.put(one.id(), one); }", "all known one it"),
    ("go", "func (c *C) Do(req R) error { res, err := c.send(req); use(res); return err }", "res got req query"),
    ("javascript", "function add(list) { const copy = [...list]; copy.push(1); return copy; }", "list a copy b"),
    ("php", "function f($list) { foreach ($list as $item) { echo $item; } }", "list all item one"),
    ("ruby", "def add(list, item)\n  total = list.size\n  @items = total + item\nend", "total count items all item it"),
]


@pytest.mark.parametrize(("language", "code", "names"), NAMES)
def test_names_that_a_text_defines_do_not_count(language, code, names):
    words = names.split()
    renames = dict(zip(words[::2], words[1::2], strict=True))
    renamed = re.sub(r"\w+", lambda word: renames.get(word[0], word[0]), code)
    one, other = keys(language, code, renamed)
    assert renamed != code
    assert one == other


@pytest.mark.parametrize(
    ("language", "code", "other"),
    [
        ("python", "def f(v):\n    return min(v)", "def f(v):\n    return max(v)"),
        ("python", "def f(v):\n    return sorted(v, reverse=True)", "def f(v):\n    return sorted(v, reverse=False)"),
        ("python", "def f(v):\n    return v[:8]", "def f(v):\n    return v[:16]"),
        ("python", "h = hashlib.md5()", "h = hashlib.sha512()"),
        ("python", "run('SELECT a FROM users')", "run('SELECT a FROM orders')"),
        ("python", "plot(x, color=red)", "plot(x, width=red)"),
        ("ruby", "def asin(x, name: nil)\n  op(:asin, x)\nend", "def acos(x, name: nil)\n  op(:acos, x)\nend"),
        ("ruby", "def get(u)\n  request :get, u\nend", "def put(u)\n  request :put, u\nend"),
        ("ruby", "def add(x)\n  @fonts.push(x)\nend", "def add(x)\n  @colours.push(x)\nend"),
        ("ruby", "def bold\n  style.bold = true\nend", "def sub\n  style.sub = true\nend"),
        ("java", "int f(int a) { return a + MAX; }", "int f(int a) { return a + MIN; }"),
        ("sql", "SELECT name FROM t", "SELECT title FROM t"),
    ],
)
def test_other_literals_operators_and_foreign_names_count(language, code, other):
    one, two = keys(language, code, other)
    assert one != two


def test_quotes_do_not_count_and_what_they_hold_is_a_literal():
    one, other = keys("python", "f('a b', 1)", 'f("a b", 1)')
    assert one == other
    (data,) = keys("python", "f('a b', 1)", field="is_data")
    assert data == [False, False, True, True, True, True, False]  # f ( a b , 1 )


def test_shapes_are_equal_for_any_names_and_literals():
    one, other = keys("java", 'a.get("x", 1)', 'b.set("y", 22)', field="shapes")
    assert one == other
    one, other = keys("java", "a.get(b)", "a.get(a)", field="shapes")
    assert one != other


def test_a_text_is_normalized_alike_wherever_it_is_in_a_batch():
    alone = keys("python", PYTHON)[0]
    assert keys("python", "f(", PYTHON, "", ")) x", PYTHON)[1] == alone
    assert keys("python", "f(", PYTHON, "", ")) x", PYTHON)[4] == alone
