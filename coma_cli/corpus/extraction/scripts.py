"""Whole programs that read standard input: found in a completion, and made callable for their tests.

A script has no function by which it could be recognized, so the blocks of an answer are told apart by whether they are
Python and write anything: examples of input and output do not.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from coma_cli.corpus.extraction import python_text
from coma_cli.corpus.extraction.blocks import blocks_of, in_markdown
from coma_cli.corpus.extraction.program import MAX_CHARS, answer_of

_WRITERS = frozenset(("print", "write", "writelines", "stdout"))


def find_script(text: str, *, first: bool = False) -> str:
    """The script in a completion: the last block that is Python and writes something, else the text's own code.

    With `first` the first such block counts. A text without any such code is given back without thinking parts and end
    tokens: it can't pass, but it may be shown.
    """
    if len(text) > MAX_CHARS:
        return text
    answer, _ = answer_of(text)
    if _writes(answer):  # fences within strings or comments of a script
        return answer
    blocks = [block.code for block in blocks_of(in_markdown(answer))]
    writing = [code for code in blocks if _writes(code)]
    if writing:
        return writing[0 if first else -1]
    return _longest_start(answer) or (blocks[-1] if blocks else answer)


def _writes(code: str) -> bool:
    """Whether a text is Python in which something is written."""
    tree = python_text.parse(code)
    return isinstance(tree, ast.Module) and any(_is_writer(node) for node in ast.walk(tree))


def _is_writer(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id in _WRITERS) or (
        isinstance(node, ast.Attribute) and node.attr in _WRITERS
    )


def _longest_start(text: str) -> str:
    """The statements up to the first that does not parse, if they write something: what follows is words; else ""."""
    good: list[str] = []
    for piece in python_text.statements(text):
        if not isinstance(python_text.parse(piece), ast.Module):
            break
        good.append(piece)
    code = "".join(good)
    return code if _writes(code) else ""


def callable_script(source: str, name: str) -> str:
    """A module that defines `name`, a function from standard input to standard output of a script.

    What is not Python stays as it is, so that the sandbox says so.
    """
    tree = python_text.parse(source)
    if isinstance(tree, SyntaxError):
        return source
    modules = sorted(set(_imported(tree))) if tree is not None else []
    # Never called: the sandbox finds the packages that a program needs by the imports in its text.
    imports = "".join(f"    import {module}\n" for module in modules)
    needs = f"\n\ndef _coma_imports():\n{imports}" if imports else ""
    return f"{_runner()}\n\n{name} = script_of({source!a}){needs}\n"


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@cache
def _runner() -> str:
    return Path(__file__).with_name("script_runner.py").read_text(encoding="utf-8")
