"""Code that somebody has yet to write: comments that hold the place of it, and blocks that say nothing."""

import ast
import re

from coma_cli.languages import python_tree
from coma_cli.syntax.python_trees import statements_of
from coma_cli.syntax.trees import parse, walk
from coma_cli.words import name_set

_PLACEHOLDER = re.compile(
    r"(?:#|//|/\*|--|<!--)[ \t]*(?:"
    r"\.\.\."
    r"|(?:\w+ ){0,3}your (?:own )?(?:code|logic|implementation|function|query|solution)\b[^\n]*"
    r"|(?:\w+ ){0,4}(?:code|logic|implementation) (?:goes |comes )?here\b"
    r"|do (?:something|stuff|some (?:work|operations?))\b"
    r"|(?:the )?rest of (?:the|your) (?:code|program|function|class|implementation)"
    r"|(?:add|insert|put|write|implement) (?:\w+ ){1,4}here\b"
    r"|(?:todo|to be implemented|(?:existing|other|more) code)\b"
    r"|在(?:这里|此处?)(?:编写|写|添加|填写|实现|完成|补充)|(?:编写|填写|添加)(?:你|您)的"
    r"|(?:其他|省略|更多)[^\n]{0,4}代码|执行(?:一些|某些|其他)[^\n]{0,4}(?:操作|代码|任务)"
    r")",
    re.IGNORECASE,
)
_BLOCKS = frozenset({"block", "compound_statement", "statement_block"})
_NEED_BODIES = name_set(
    "if_statement else_clause for_statement enhanced_for_statement for_in_statement foreach_statement "
    "for_range_loop while_statement do_statement"
)


def placeholder(code: str) -> str | None:
    """A comment in the place of code, or None."""
    found = _PLACEHOLDER.search(code)
    return found.group().strip() if found is not None else None


def empty_block(language: str, code: str) -> str | None:
    """The first line of a condition or loop whose block is empty, or None.

    Only blocks over several lines count: one on a single line (`while (next()) {}`) is meant to be empty. In Python, a
    block of nothing but `...` counts.
    """
    if language == "python":
        return _elided(code)
    tree = parse(language, code) if re.search(r"\{\s*?\n\s*\}", code) else None
    for node in walk(tree.root) if tree is not None else ():
        if node.type in _BLOCKS and node.parent is not None and node.parent.type in _NEED_BODIES:
            text = (node.text or b"").decode("utf-8", "replace")
            if "\n" in text and not text.strip("{} \t\r\n"):
                return (node.parent.text or b"").decode("utf-8", "replace").split("\n")[0]
    return None


def _elided(code: str) -> str | None:
    tree = python_tree(code) if "..." in code else None
    for node in statements_of(tree) if tree is not None else ():
        if isinstance(node, (ast.If, ast.For, ast.While, ast.With)) and all(map(_is_ellipsis, node.body)):
            return code.split("\n")[node.lineno - 1].strip()
    return None


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis
