import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli import languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Write a C++ program", "cpp"),
        ("in C# please", "csharp"),
        ("JavaScript function", "javascript"),
        ("a Java class", "java"),
        ("Write a C program to add", "c"),
        ("Write a SQL query", "sql"),
        ("Use Go to serve. Write it in Go", "go"),
        ("go to the shop and write a function", None),
        ("C is a letter", None),
        ("Design a for loop", None),
        ("用Java如何读取文件？", "java"),
        ("这是关于C#中abs的问题", "csharp"),
    ],
)
def test_a_language_is_taken_from_its_name(text, language):
    assert languages.named_language(text) == language


NAMED = [(entry.name, entry.named_by) for entry in languages.LANGUAGES.values() if entry.named_by is not None]
PIECES = sorted({piece for _, named in NAMED for piece in named.pieces})


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=5), st.sampled_from([" ", "", "用", "."])
)
def test_no_name_is_missed_for_lack_of_its_pieces(parts, between):
    for text in (between.join(parts), between.join(parts).upper(), between.join(parts).title()):
        plain = (
            name
            for name, named in NAMED
            if re.search(named.pattern, text, re.ASCII | (0 if named.exact_case else re.IGNORECASE))
        )
        assert languages.named_language(text) == next(plain, None)


@pytest.mark.parametrize(
    ("label", "language"),
    [
        ("Python3", "python"),
        ("python2", "python2"),
        ("C#", "csharp"),
        (" Cpp ", "cpp"),
        ("js", "javascript"),
        ("golang", "go"),
        ("SQL", "sql"),
        ("leetcode", None),
        ("", None),
    ],
)
def test_labels_of_files_and_fences_are_known(label, language):
    assert languages.language_of_label(label) == language


@pytest.mark.parametrize(
    ("tag", "language", "opens"),
    [
        ("python", "python", True),
        ("python3", "python", True),
        ("nodejs", "javascript", True),
        ("cxx", "cpp", True),
        ("java", "javascript", False),
        ("", "python", False),
        ("zig", "zig", True),
        ("zig", "python", False),
    ],
)
def test_the_tag_of_a_block_says_its_language(tag, language, opens):
    assert languages.opens_block_of(tag, language) is opens


def test_sentences_call_languages_by_their_names():
    assert (languages.display("cpp"), languages.display("python"), languages.display("lua")) == ("C++", "Python", "Lua")
    assert languages.display(languages.UNSPECIFIED) == ""


@pytest.mark.parametrize("code", ["def f(:", "x = 1\x00", "(" * 5000 + ")" * 5000])
def test_what_does_not_parse_is_no_python_and_no_crash(code):
    assert not languages.parses_as_python(code)


def test_same_python_ignores_layout_and_comments_only():
    assert languages.same_python("x=1 # a", "x = 1")
    assert not languages.same_python("x = 1", "x = 2")
    assert not languages.same_python("x =", "x =")
