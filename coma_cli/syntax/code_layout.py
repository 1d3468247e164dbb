"""Fixes the layout of code from upstream files: the indentation of a class member, doubled line ends."""

import re

from coma_cli.formats.text import unix_lines
from coma_cli.syntax.trees import parses

_RUN = re.compile(r"\n+")
# If at least this share of the runs of line ends is even, line ends were doubled. Of 1,500 functions in Devign's test
# split 1,454 have a share of 0.67 or more (1,409 of them nearly 1), and the other 46 nearly 0.
_DOUBLED_SHARE = 0.6
# What opens a block or a list, and the blank lines behind it: nobody leaves them behind most of these.
_OPENED = re.compile(r"(?:[:{(\[]|\b(?:do|then|else))[ \t]*\n(\n*)")
_OPENED_SHARE = 0.5
_FEWEST_RUNS = 3
_BLANK = re.compile(r"^[ \t]+$", re.MULTILINE)
# Where a line end was lost within code of braces: the next line's indentation follows a statement or brace.
_JOINT = re.compile(r"(?<=[;{}]) (?P<indent> {3,})(?=[^\s/])|(?<=\)) (?P<brace> {3,})(?=\{)")
_FEWEST_JOINTS = 2


def outdent(code: str) -> str:
    """Code without the indentation of its first line, if all lines share it, and without blank lines around it."""
    lines = unix_lines(code).strip("\n").rstrip().split("\n")
    margin = lines[0][: len(lines[0]) - len(lines[0].lstrip(" \t"))]
    if margin and all(line.startswith(margin) for line in lines if line.strip()):
        lines = [line[len(margin) :] if line.strip() else "" for line in lines]
    return "\n".join(lines)


def undouble_lines(code: str) -> str:
    """Code with doubled line ends made single; other code is returned unchanged."""
    code = unix_lines(code).strip("\n")
    runs = [len(run) for run in _RUN.findall(code)]
    if not runs or sum(run % 2 == 0 for run in runs) < _DOUBLED_SHARE * len(runs):
        return code
    return _RUN.sub(lambda run: "\n" * ((len(run.group()) + 1) // 2), code)


def undouble_program(code: str) -> str:
    """A program whose line ends were doubled, with single ones; unlike in `undouble_lines`, short scripts with a blank
    line between all statements are returned unchanged: only blank lines behind what opens a block tell the two apart.
    """
    text = _BLANK.sub("", unix_lines(code))
    opened = [len(run) + 1 for run in _OPENED.findall(text)]
    if len(_RUN.findall(text.strip("\n"))) < _FEWEST_RUNS or not opened:
        return code
    if sum(run % 2 == 0 for run in opened) < _OPENED_SHARE * len(opened):
        return code
    single = undouble_lines(text)
    return code if single == text.strip("\n") else single


def split_joined_lines(code: str, language: str) -> str:
    """Code of a language with braces whose line ends were partly lost, with a line for each statement again.

    The spaces that indented a line show where it began, after one space in place of the line end.
    """
    if len(_JOINT.findall(code)) < _FEWEST_JOINTS:
        return code
    split = _JOINT.sub(lambda joint: "\n" + (joint["indent"] or joint["brace"]), code)
    return code if parses(language, split) is False and parses(language, code) else split
