import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coma_cli.languages import LANGUAGES
from coma_cli.languages.frames import PHP_CALL, PHP_CLASS, SCRIPT_CALL, SCRIPT_CLASS, SCRIPT_OBJECT, Frame
from coma_cli.syntax.trees import encode, grammar_of

FRAMES = [
    pytest.param(grammar, frame, id=f"{grammar} {frame.head.strip()}")
    for language in ("javascript", "typescript", "php")
    for grammar, frame in LANGUAGES[language].frames[1:]
]
_PIECES = (
    "a x of in as is get set async static let const var return if for new class function await yield typeof "
    "declare public readonly abstract instanceof echo $a case default import from 1 .5 'b' `c` /d/ ; , . : = => ( ) "
    "{ } [ ] < > ? ! # @ * // /* */ <!-- --> ?> -> :: ... use fn"
)
PIECES = _PIECES.split()
GAPS = ("", " ", "\n", "\t", " ; ", ";\n", "() {}", "\n}")
TEXTS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(GAPS)), min_size=1, max_size=9).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs)
)


def is_broken_within(code: str, grammar: str, frame: Frame) -> bool:
    from tree_sitter import Parser

    source = encode(frame.head + code + frame.tail)
    if grammar == "php":
        source = b"<?php\n" + source
    return Parser(grammar_of(grammar)).parse(source).root_node.has_error


@pytest.mark.parametrize(("grammar", "frame"), FRAMES)
@settings(max_examples=200, deadline=None)
@given(code=TEXTS)
@example(code="get x() { return 1; }")
@example(code="x\n.y = 1;")
@example(code="return (x);")
@example(code="a; // b;")
@example(code="`\n;")
@example(code="for (;;")
@example(code="}, class { x;")
@example(code="} as {; x;")
@example(code="); ?>\n;")
@example(code="'(' ); class { x;")
@example(code="1); $a = (2")
@example(code="function() { return 1; }")
@example(code="new class { var $a; }")
@example(code="$a->{'b;'}")
@example(code="'a;\n)' . \"b;\"")
@example(code="/* ; */ 1 # ;")
@example(code="#[A(';')] function() {}")
@example(code="f() {1}")
@example(code="PUBLIC $a;")
@example(code="/**/ 1; /**/")
def test_excluded_texts_have_an_error_in_the_frame(grammar: str, frame: Frame, code: str) -> None:
    if frame.excludes(code):
        assert is_broken_within(code, grammar, frame)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (SCRIPT_CLASS, "let total = 0;"),
        (SCRIPT_CLASS, "console.log(1)"),
        (SCRIPT_CALL, "const total = 0"),
        (SCRIPT_CALL, "total = 0;"),
        (SCRIPT_OBJECT, "function f() { return 1; }"),
        (SCRIPT_OBJECT, "f();\n"),
        (PHP_CLASS, "if ($a) { echo $a; }"),
        (PHP_CALL, "foreach ($a as $b) { echo 'c;'; }"),
    ],
)
def test_statements_are_excluded(frame: Frame, code: str) -> None:
    assert frame.excludes(code)
