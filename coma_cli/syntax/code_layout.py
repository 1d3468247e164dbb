"""Fixes the layout of code from upstream files: the indentation of a class member, doubled line ends."""

import re
import textwrap

from coma_cli.formats.text import unix_lines
from coma_cli.languages import parses_as_python
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
# Literals and comments, in which nothing is split, or where a line end was lost within code of braces: two or more
# spaces between a statement or brace and the next (the line's end and its indentation), or code behind an include.
_JOINT = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`|//[^\n]*|/\*[\s\S]*?\*/)"""
    r"|(?<=[;{}]) (?P<indent> +)(?=[^\s/}])|(?<=\)) (?P<brace> {3,})(?=\{)"
    r"|(?P<include>^#include *(?:<[^>\n]+>|\"[^\"\n]+\")) +(?=[a-z#])",
    re.MULTILINE,
)
# What there is in any code that has such a joint.
_MAY_BE_JOINED = re.compile(r"[;{}] {2,}[^\s/}]|\) {4,}\{|^#include", re.MULTILINE)
# The same in languages in which the line's end ends a statement: a call of what prints is never an argument without
# brackets, and two or more spaces are never within a statement that is not laid out as a table.
_PRINTS = re.compile(r"(?<=[\w)\]\"'}]) +(?=(?:puts|print)(?: [\w\"'@\[]|\())")
_GAP = re.compile(r"(?<=[\w)\]\"'}]) {2,}(?=[A-Za-z_])")
_QUOTED = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`\n]*`|//[^\n]*""")
_CLOSED_BEHIND = re.compile(r"(?P<code>.*[;}])(?P<closing>\}[);]*)\s*")
_MAY_BE_CLOSED_BEHIND = re.compile(r"[;}]\}[);]*\s*$", re.MULTILINE)
_MAY_BE_DOUBLED = re.compile(r"\n[ \t]*\n")
_WORD_BEFORE = re.compile(r"(?:\b(?:and|begin|do|else|if|in|lambda|not|or|return|then|unless|when|yield)|[|:=,(])\Z")


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
    text = unix_lines(code)
    if not _MAY_BE_DOUBLED.search(text):  # most programs
        return code
    text = _BLANK.sub("", text)
    opened = [len(run) + 1 for run in _OPENED.findall(text)]
    if len(_RUN.findall(text.strip("\n"))) < _FEWEST_RUNS or not opened:
        return code
    if sum(run % 2 == 0 for run in opened) < _OPENED_SHARE * len(opened):
        return code
    single = undouble_lines(text)
    return code if single == text.strip("\n") else single


def split_joined_lines(code: str, language: str) -> str:
    """Code whose line ends were partly lost, with a line for each statement again.

    In a language with braces, the spaces that indented a line show where it began, after one space in place of the line
    end. In Python and Ruby a line is only split where the code does not parse, or where two statements are plain.
    """
    if language == "python":
        return _split_python(code)
    if language == "ruby":
        return _split_where(_PRINTS, code, language)
    split = _split_braces(code) if _MAY_BE_JOINED.search(code) else code
    return code if split == code or (parses(language, split) is False and parses(language, code)) else split


def _split_braces(code: str) -> str:
    """Code cut at each joint; what follows a semicolon is indented like the line that the semicolon ended."""
    done, last = "", 0
    for joint in _JOINT.finditer(code):
        done += code[last : joint.start()]
        line = done.rpartition("\n")[2]
        margin = line[: len(line) - len(line.lstrip())]
        if joint["include"]:
            done += f"{joint['include']}\n"
        elif joint["kept"] or line.count("(") > line.count(")"):  # within the head of a loop
            done += joint.group()
        else:
            done += "\n" + (joint["indent"] if line.endswith(("{", "}")) else margin)
        last = joint.end()
    return done + code[last:]


def _split_python(code: str) -> str:
    if parses_as_python(code):
        return code
    tidy = textwrap.dedent(code).strip("\n")
    for pattern in (_GAP, _PRINTS):
        if parses_as_python(tidy):
            break
        tidy = _split_where(pattern, tidy, "python")
    return tidy if parses_as_python(tidy) else code


def _split_where(pattern: re.Pattern[str], code: str, language: str) -> str:
    """Code with a line end in place of each match, with the indentation of its line, if the whole then parses."""
    lines = []
    for line in code.split("\n"):
        margin = line[: len(line) - len(line.lstrip())]
        pieces = _pieces(pattern, line.strip())
        lines += [margin + piece for piece in pieces] if len(pieces) > 1 else [line]
    split = "\n".join(lines)
    return code if parses(language, split) is False else split


def _pieces(pattern: re.Pattern[str], line: str) -> list[str]:
    """A line cut at the matches outside of strings and comments that no keyword or operator precedes."""
    cuts = [0]
    for found in pattern.finditer(line):
        before = line[: found.start()]
        quoted = any(before.count(mark) % 2 for mark in "\"'`") or "#" in before
        if not quoted and _WORD_BEFORE.search(before) is None:
            cuts.append(found.end())
    return [line[start:end].rstrip() for start, end in zip(cuts, [*cuts[1:], len(line)], strict=True)]


def split_closing_braces(code: str) -> str:
    """Code whose closing braces upstream moved to the end of the line before, with each on a line of its own again."""
    if not _MAY_BE_CLOSED_BEHIND.search(code):  # most programs
        return code
    done: list[str] = []
    margins: list[str] = []  # of the lines with the braces that are open
    for line in code.split("\n"):
        margin = line[: len(line) - len(line.lstrip())]
        bare = _QUOTED.sub("", line)
        found = _CLOSED_BEHIND.fullmatch(line)
        opened = bare.count("{") - bare.count("}") + 1  # before the last brace
        if found is not None and opened <= 0 and len(margins) > -opened and not found["code"].isspace():
            done += [found["code"], margins[opened - 1] + found["closing"]]
        else:
            done.append(line)
        for character in bare:
            if character == "{":
                margins.append(margin)
            elif character == "}" and margins:
                margins.pop()
    return "\n".join(done)
