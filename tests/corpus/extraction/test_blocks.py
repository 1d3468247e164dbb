import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.extraction.blocks import blocks_of, in_markdown
from tests.corpus.extraction.texts import HOSTILE, TEXTS

CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\na\n```\ntext\n~~~py\nb", [("python", "a\n", True), ("py", "b", False)]),
        ("use ```inline``` here", []),
        ("- ```python\n  x = 1\n  ```", [("python", "x = 1\n", True)]),
        ("Here is the code: ```python\nx = 1\n```", [("python", "x = 1\n", True)]),
        ("Here is the code ```\nx = 1\n```", [("", "x = 1\n", True)]),
        ("```python def f(x):\n    return x\n```", [("python", CODE, True)]),
        ("```def f(x):\n    return x\n```", [("", CODE, True)]),
        ("```Python\nx = 1```", [("python", "x = 1\n", True)]),
        ("```python\nx = 1```\nDone.", [("python", "x = 1\n", True)]),
        ("```python\n# see ```x``` here\ny = 1\n```", [("python", "# see ```x``` here\ny = 1\n", True)]),
        ("```python\n# the mark ```\ny = 1\n```", [("python", "# the mark ```\ny = 1\n", True)]),
        ("```python title=x.py\na\n```", [("python", "a\n", True)]),
        ("```python\nx = '''\n```\n'''\n```", [("python", "x = '''\n```\n'''\n", True)]),
        ("```", [("", "", False)]),
        ("", []),
    ],
)
def test_blocks(text, expected):
    found = blocks_of(in_markdown(text))
    assert [(block.fence.language, block.code, block.fence.closed) for block in found] == expected


def test_the_text_before_a_block_introduces_it():
    first, second = blocks_of(f"One:\n```\n{CODE}```\nTwo:\n```\n{CODE}```\nend")
    assert (first.intro, second.intro) == ("One:\n", "Two:\n")


@given(TEXTS)
def test_what_is_in_markdown_stays_as_it_is(text):
    once = in_markdown(text)
    assert in_markdown(once) == once
    assert once.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")


@given(st.lists(st.sampled_from(["x = 1", "y = '```'", "    z = 2", "", "# note"]), max_size=8))
def test_code_in_a_fence_is_found_whole(lines):
    code = "".join(f"{line}\n" for line in lines)
    assert [block.code for block in blocks_of(in_markdown(f"text\n```python\n{code}```\ntext"))] == [code]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_harms(name):
    assert len(blocks_of(in_markdown(HOSTILE[name][:1_000_000]))) <= 40
