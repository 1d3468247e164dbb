"""Fences as CommonMark has them, held against a reference implementation; and the one rule that is ours."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # comes with rich

from coma_cli.formats.fences import Unfenced, answer_blocks, fenced_blocks, only_block, unfenced


def found(text, reader=fenced_blocks):
    return [(block.language, block.code, block.closed) for block in reader(text)]


MARKS = ["```", "````", "~~~", "~~~~~", "``", "~~", "``` ```", "~~~ `x` ~~~", "```x`", "`````````"]
LINES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", " ", "   ", "    ", "     ", "\t"]),
    st.sampled_from([*MARKS, "text", "x = 1", "It's", "", "> quoted"[2:]]),
    st.sampled_from(["", " ", "  \t", "js", " js title=x", " \tc++", "`", " ```"]),
)


@given(st.lists(LINES, max_size=16))
def test_blocks_are_those_of_commonmark(lines):
    text = "".join(f"{line}\n" for line in ["Words first.", *lines])
    tokens = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]
    blocks = list(fenced_blocks(text))
    assert [(block.code, block.info, block.mark) for block in blocks] == [
        (token.content, token.info.strip(), token.markup) for token in tokens
    ]
    assert [text.count("\n", 0, block.start) for block in blocks] == [token.map[0] for token in tokens]
    assert [text.count("\n", 0, block.end) for block in blocks if block.closed] == [
        token.map[1] for token, block in zip(tokens, blocks, strict=True) if block.closed
    ]


@given(st.text(st.sampled_from("`~ \n\tx'\"#-1."), max_size=80))
def test_blocks_lie_in_the_text_in_order_and_only_the_last_is_open(text):
    blocks = list(fenced_blocks(text))
    places = [place for block in blocks for place in (block.start, block.end)]
    assert places == sorted(places) and all(block.closed for block in blocks[:-1])
    for block in blocks:
        whole = text[block.start : block.end]
        assert whole.lstrip(" \t").startswith(block.mark)
        assert block.closed or block.end == len(text)
        assert all(line.strip() in whole for line in block.code.splitlines())
    assert [block.start for block in answer_blocks(text)] == [block.start for block in blocks]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", []),
        ("no ```inline``` code", []),
        ("```", [("", "", False)]),
        ("```\n", [("", "", False)]),
        ("```\n```", [("", "", True)]),
        ("```Python title=x\na\n```", [("python", "a\n", True)]),
        ("```c\na\n   ```  \n", [("c", "a\n", True)]),
        ("```c\na\n    ```\nb\n```\n", [("c", "a\n    ```\nb\n", True)]),
        ("```c\na\n``` x\nb\n```\n", [("c", "a\n``` x\nb\n", True)]),
        ("````c\n```\n````", [("c", "```\n", True)]),
        ("```c\n~~~\n```", [("c", "~~~\n", True)]),
        ("~~~ `c` ```\na\n~~~~", [("`c`", "a\n", True)]),
        ("text\n    ```c\n    a\n    ```", []),
        ("  ```c\n  a\n b\n    c\n  ```", [("c", "a\nb\n  c\n", True)]),
        # in items of lists
        ("- so:\n  ```c\n  a\n  ```\n", [("c", "a\n", True)]),
        ("10. so:\n\n    ```c\n    a\n      b\n    ```\n", [("c", "a\n  b\n", True)]),
        ("1. one\n   - two\n\n     ```c\n     a\n     ```\n2. three\n", [("c", "a\n", True)]),
        ("1. one\n\nno item\n\n    ```c\n    a\n    ```\n", []),
        ("- one\n\n      ```c\n      a\n", []),
        ("-\n  ```c\n  a\n  ```", [("c", "a\n", True)]),
        # an answer that is indented as a whole
        ("\n      ```c\n      a\n      ```\n", [("c", "a\n", True)]),
        ("    return 1\n    ```\n    a\n    ```\n", []),
    ],
)
def test_what_is_a_block(text, blocks):
    assert found(text) == blocks


WITH_EXAMPLE = '''def add(x, y):
    """Sum of two numbers.

{example}
    """
    return x + y
'''
EXAMPLES = {
    "at the margin": "```python\nadd(1, 2)\n```",
    "bare": "```\nadd(1, 2)\n```",
    "two": "```\nadd(1, 2)\n```\nor\n```\nadd(2, 1)\n```",
    "with tildes": "~~~\nadd(1, 2)\n~~~",
    "left open": "```\nadd(1, 2)",
    "longer": "`````\nadd(1, 2)\n`````",
    "with quotes": "It's \"quoted\" 'so':\n```\nadd('#', \"'\")\n```",
}


@pytest.mark.parametrize("tag", ["python", "py", "Python3", ""])
@pytest.mark.parametrize("mark", ["```", "~~~"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_fence_in_a_string_of_python_is_none(name, mark, tag):
    code = WITH_EXAMPLE.format(example=EXAMPLES[name])
    text = f"So:\n{mark}{tag}\n{code}{mark}\nThat's it.\n{mark}\nmore\n{mark}\n"
    assert found(text) == [(tag.lower(), code, True), ("", "more\n", True)]


@pytest.mark.parametrize(
    "code",
    [
        "x = '''\n```\n'''\n",
        '    r"""\n    ```\n```\n    """\n    return x\n',  # the body of a function
        'x = 1  # """\ny = """\n```\n"""\n',
        "x = '\"\"\"' + \"'''\" + f'''\n```\n{y}\n'''\n",
        'x = """ \\""" \n```\n"""\n',
        "s = '''a'''; t = '''\n```\n'''\n",
    ],
)
def test_strings_are_told_as_python_tells_them(code):
    assert found(f"```python\n{code}```\n") == [("python", code, True)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        # no closing fence makes a program: the first one closes
        ("```python\nx = '''\n```\n", [("python", "x = '''\n", True)]),
        (
            "```python\n'''doc\n```\nWords, isn't it?\n```python\n'''doc'''\n```\n",
            [("python", "'''doc\n", True), ("python", "'''doc'''\n", True)],
        ),
        # comments and plain strings open nothing
        ("```python\n# it's '''\n```\n'''", [("python", "# it's '''\n", True)]),
        ("```python\nx = \"'''\"\n```\n'''\n```", [("python", "x = \"'''\"\n", True), ("", "", False)]),
        # another language has other strings
        ("```c\nx = '''\n```\n'''\n```\n", [("c", "x = '''\n", True), ("", "", False)]),
    ],
)
def test_a_string_that_is_left_open_does_not_swallow_the_rest(text, blocks):
    assert found(text) == blocks


DOCS = st.lists(
    st.sampled_from(["```", "   ```", "      ```py", "~~~", "words", "it's", "# no comment", "", "x = 'y'"]), max_size=6
)


@given(DOCS, st.sampled_from(["'''", '"""']), st.sampled_from(["```", "~~~", "````"]), st.booleans())
def test_a_program_comes_out_of_its_block_whatever_its_documentation_holds(doc, quotes, mark, body):
    lines = "\n".join(doc)
    code = f"    {quotes}{lines}\n    {quotes}\n    return 1\n"
    code = code if body else f"def f():\n{code}"
    assert found(f"{mark}python\n{code}{mark}\n") == [("python", code, True)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```c\nint a;\n    ```", "int a;\n"),
        ("```c\nint a;```\n", "int a;"),
        ("```c\nint a; ``` \n\n", "int a;"),
        ("````c\nint a;```", None),
        ("```c\nint a;~~~", None),
        ("```c\nint a;\n", None),
    ],
)
def test_an_answer_may_end_with_marks_that_are_no_fence(text, code):
    (block,) = answer_blocks(text)
    assert (block.code if block.closed else None) == code
    assert [b.closed for b in fenced_blocks(text)] == [False]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\n```c\na\n```\n\n", "a\n"),
        ("```c\na\n```\n```c\nb\n```", None),
        ("```c\na\n```\nWords.", None),
        ("Words.\n```c\na\n```", None),
        ("```c\na", None),
        ("a", None),
    ],
)
def test_an_answer_that_is_one_block(text, code):
    block = only_block(text)
    assert (None if block is None else block.code) == code


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("So:```c\na\n```", Unfenced("So:```c\na\n```", "c")),
        ("use `a` or ```b```", Unfenced("use `a` or ```b```", "")),
        ("\n\n  a \n", Unfenced("  a", "")),
        ("``` C#\n\n  a\n\n```", Unfenced("  a", "C#")),
    ],
)
def test_answers_without_their_fence(given, answer):
    assert unfenced(given) == answer


HOSTILE = {
    "fences": "```\n" * 100_000,
    "strings between fences": "```\n'''\n" * 25_000,
    "open strings": "```python\nx = '''(\n" * 25_000,
    "errors": "```python\n'''\n```\n)))\n" * 10_000,
    "backticks": "`" * 400_000,
    "blanks": " " * 400_000 + "```",
    "items": "- " * 200_000,
    "deeper items": "".join(" " * n + "- x\n" for n in range(900)) + "```",
    "one quote": "```python\n" + "'" * 400_000,
    "backslashes": "```python\n'" + "\\" * 400_001 + "\n```",
    "closings that are too short": "````\n" + "```\n" * 100_000,
    "brackets": "```python\n'''\n```\n'''" + "(" * 90_000 + "\n```\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_takes_long(name):
    began = time.process_time()
    list(answer_blocks(HOSTILE[name]))
    unfenced(HOSTILE[name])
    assert time.process_time() - began < 5
