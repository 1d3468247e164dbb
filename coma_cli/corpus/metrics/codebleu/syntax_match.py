"""The AST match of CodeBLEU: which subtrees of the reference occur in the answer.

Source: Ren et al. 2020 (arXiv:2009.10297), section 3.2, as in CodeXGLUE's `syntax_match.py`: a subtree is a node with
all below it, as types and fields, so names and values do not count; each of the reference's is looked up in the
answer's, however often it occurs there. Frames that were put around a fragment to parse it do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from coma_cli.syntax.trees import Tree, encode, parse

if TYPE_CHECKING:
    from tree_sitter import Node

_Shapes: TypeAlias = dict[object, int]  # the number of each shape of a subtree that was seen so far


def syntax_match(language: str, answer: str, reference: str) -> tuple[int, int]:
    """How many of the reference's subtrees occur in the answer, and how many there are: none without a grammar."""
    theirs, ours = parse(language, reference), parse(language, answer)
    if theirs is None or ours is None:
        return 0, 0
    shapes: _Shapes = {}
    known = set(_subtrees(ours, shapes))
    wanted = list(_subtrees(theirs, shapes))
    return sum(shape in known for shape in wanted), len(wanted)


def _subtrees(tree: Tree, shapes: _Shapes) -> Iterator[int]:
    """The shape of each node of the code that has children, and of the root."""
    start, end = tree.before, tree.before + len(encode(tree.code))
    for node, shape in _shaped(tree.root, shapes):
        inside = start <= node.start_byte and node.end_byte <= end
        if inside and (node.children or node == tree.root):
            yield shape


def _shaped(root: Node, shapes: _Shapes) -> Iterator[tuple[Node, int]]:
    """Each node with the number of its shape, children first; without recursion, since answers may nest deeply."""
    done: dict[int, int] = {}
    stack = [(root, False)]
    while stack:
        node, is_ready = stack.pop()
        if not is_ready:
            stack.append((node, True))
            stack.extend((child, False) for child in node.children)
            continue
        below = tuple(
            (node.field_name_for_child(place), done[child.id])
            for place, child in enumerate(node.children)
            if child.is_named or child.is_missing
        )
        done[node.id] = shapes.setdefault((node.type, node.is_missing, below), len(shapes))
        yield node, done[node.id]
