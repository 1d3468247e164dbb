import pytest

from coma_cli.corpus.code_keys import keys_of, without_comments

LOOP = "def add(a, b):\n    total = a + b\n    for x in range(3):\n        total += x * 2\n    return total"


def same(*texts):
    keys, _ = keys_of(texts)
    return len(set(keys.tolist())) == 1


@pytest.mark.parametrize(
    "other",
    [
        LOOP.replace("    ", "\t"),
        LOOP.upper(),
        LOOP.replace("total", "s").replace("add", "plus").replace("x", "step"),
        LOOP.replace("range(3)", "range(50)"),
        LOOP.replace("\n    return", ";\n    return"),
    ],
)
def test_layout_case_names_and_numbers_do_not_count(other):
    assert same(LOOP, other)


@pytest.mark.parametrize(
    "other",
    [
        LOOP.replace("+=", "-="),
        LOOP.replace("return total", "return x"),
        LOOP.replace("for", "while"),
        LOOP.replace("    return total", "    yield total"),
    ],
)
def test_operators_keywords_and_the_order_of_names_count(other):
    assert not same(LOOP, other)


def test_quotes_and_modifiers_do_not_count():
    assert same("@Override public String name() { return 'a'; }", 'String name() { return "a" }')


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return self.width", "return self.height"),
        ("int getWidth() { return width; }", "int getHeight() { return height; }"),
        ("topic 12", "topic 13"),
        (" ".join(f"word{'ab' * n}" for n in range(40)), " ".join(f"term{'cd' * n}" for n in range(40))),
    ],
)
def test_names_count_in_short_texts_and_in_prose(one, other):
    assert not same(one, other)


def test_keys_do_not_depend_on_the_texts_beside_them():
    texts = [LOOP, "", "print(x)", LOOP.replace("+=", "-="), " \n"]
    alone = [int(keys_of([text])[0][0]) for text in texts]
    keys, sizes = keys_of(texts)
    assert keys.tolist() == alone and alone[1] == alone[4] == 0 and sizes.tolist()[1] == 0
    assert keys_of([])[0].tolist() == []


@pytest.mark.parametrize(
    ("language", "code", "plain"),
    [
        ("python", 'def f(x):\n    """Doubles."""\n    return "# no" + x  # yes', 'def f(x):\n\n    return "# no" + x'),
        ("java", 'String s = "http://x"; // a\n/* b\n c */ int i;', 'String s = "http://x"; \n int i;'),
        ("sql", "SELECT a -- first\nFROM t", "SELECT a \nFROM t"),
        ("php", "$a = 1; # one\n$b = 2; // two", "$a = 1; \n$b = 2;"),
        ("lua", "x = 1 -- one", "x = 1"),
        ("unspecified", "a # b // c", "a # b // c"),
        ("python", "a = 7 // 2", "a = 7 // 2"),
    ],
)
def test_comments_are_no_code(language, code, plain):
    assert without_comments(language, code).split() == plain.split()
