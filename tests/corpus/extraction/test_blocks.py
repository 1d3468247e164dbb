import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.extraction.blocks import blocks_of
from tests.corpus.extraction.texts import HOSTILE, TEXTS

CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\na\n```", [("", "a\n", True)]),
        ("```Python\na\n```\ntext\n~~~py\nb", [("python", "a\n", True), ("py", "b", False)]),
        ("1. so:\n   ```python\n   def f():\n       pass\n   ```", [("python", "def f():\n    pass\n", True)]),
        ("- ```python\n  x = 1\n  ```", [("python", "x = 1\n", True)]),
        ("````\n```\ninner\n```\n````", [("", "```\ninner\n```\n", True)]),
        ("```python title=x.py\na\n```", [("python", "a\n", True)]),
        ("use ```inline``` here", []),
        ("```inline```", []),
        ("```python\nx = '''\n```text\n'''\n```", [("python", "x = '''\n```text\n'''\n", True)]),
        ("```python\nx = '''\n```\n'''\n```", [("python", "x = '''\n```\n'''\n", True)]),
        (
            "```python\n    ```\n# four spaces close nothing\n```",
            [("python", "    ```\n# four spaces close nothing\n", True)],
        ),
        ("```python\nx = 1\n   ```", [("python", "x = 1\n", True)]),
        ("~~~\n```\n~~~", [("", "```\n", True)]),
        ("```\na\n~~~\n```", [("", "a\n~~~\n", True)]),
        ("```\na\n`````", [("", "a\n", True)]),
        ("Here is the code: ```python\nx = 1\n```", [("python", "x = 1\n", True)]),
        ("```python def f(x):\n    return x\n```", [("python", CODE, True)]),
        ("```def f(x):\n    return x\n```", [("", CODE, True)]),
        ("```python\nx = 1```", [("python", "x = 1\n", True)]),
        ("```python\n# see ```x``` here\ny = 1\n```", [("python", "# see ```x``` here\ny = 1\n", True)]),
        ("```", [("", "", False)]),
        ("", []),
    ],
)
def test_blocks(text, expected):
    assert [(block.language, block.code, block.closed) for block in blocks_of(text)] == expected


def test_the_text_before_a_block_introduces_it():
    first, second = blocks_of(f"One:\n```\n{CODE}```\nTwo:\n```\n{CODE}```\nend")
    assert (first.intro, second.intro) == ("One:\n", "Two:\n")


@given(TEXTS)
def test_blocks_lie_in_the_text_in_order(text):
    found = blocks_of(text)
    assert all(block.closed for block in found[:-1])
    ends = [0, *(block.end for block in found)]
    for block, behind in zip(found, ends, strict=False):
        assert behind <= block.start < block.end <= len(text)
        assert "```" in text[block.start : block.end] or "~~~" in text[block.start : block.end]


@given(st.lists(st.sampled_from(["x = 1", "y = '```'", "    z = 2", "", "# note"]), max_size=8))
def test_code_in_a_fence_is_found_whole(lines):
    code = "".join(f"{line}\n" for line in lines)
    assert [block.code for block in blocks_of(f"text\n```python\n{code}```\ntext")] == [code]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_harms(name):
    assert len(blocks_of(HOSTILE[name][:1_000_000])) <= 40
