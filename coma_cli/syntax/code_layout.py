"""Fixes the layout of code from upstream files: the indentation of a class member, doubled line ends."""

import re

from coma_cli.formats.text import unix_lines

_RUN = re.compile(r"\n+")
# If at least this share of the runs of line ends is even, line ends were doubled. Of 1,500 functions in Devign's test
# split 1,454 have a share of 0.67 or more (1,409 of them nearly 1), and the other 46 nearly 0.
_DOUBLED_SHARE = 0.6


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
