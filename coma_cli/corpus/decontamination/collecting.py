"""Loops that collect, as the comprehensions that say the same: part of the normal form of programs (see `rewriting`).

    v = []                              v = set(), {} or 0          for x in xs:
    for x in xs:                        the same with v.add(e),         if test:
        if test:                        v[k] = e or v = v + e               return True
            v.append(e)                                             return False
    becomes v = [e for x in xs if test]                             becomes return any(test for x in xs)

A function that returns one of two values after a test returns a conditional expression.
"""

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BUILTIN = "builtins."  # before the name of a function of Python's own, which a variable of the program may hide
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


class _Collected(NamedTuple):
    """The variable that a loop fills, what it must be before, and what it is afterwards."""

    name: str
    empty: str
    value: ast.expr


def names_of(node: ast.AST) -> Iterator[str]:
    """The names in an expression."""
    return (one.id for one in ast.walk(node) if isinstance(one, ast.Name))


def negated(test: ast.expr) -> ast.expr:
    """The opposite of a condition."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return ast.Compare(left, [_FLIPPED[type(op)]()], [right])
    return ast.UnaryOp(ast.Not(), test)


def collected(block: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Statements whose collecting loops are comprehensions."""
    made: list[ast.stmt] = []
    for node in block:
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(node, field, None)
            if isinstance(inner, list) and inner:
                setattr(node, field, collected(inner))
        if isinstance(node, ast.For):
            node = _put_together(made, node)
        made.append(node)
    return _with_one_return(made)


def _put_together(before: list[ast.stmt], node: ast.For) -> ast.stmt:
    """The assignment that stands for a loop and the empty beginning before it, which is taken out; else the loop."""
    found = _collecting(node)
    if found is None or found.name in names_of(found.value):
        return node
    for place in range(len(before) - 1, -1, -1):
        match before[place]:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == found.name:
                if ast.dump(value) != found.empty and ast.dump(value) != _CALLED.get(found.empty):
                    return node
                del before[place]
                return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], found.value), node)
            case other if found.name in names_of(other):
                return node
    return node


_LIST, _DICT, _SET, _ZERO = map(
    ast.dump,
    (
        ast.List([], ast.Load()),
        ast.Dict([], []),
        ast.Call(ast.Name("set", ast.Load()), [], []),
        ast.Constant(0),
    ),
)
_CALLED = {
    _LIST: ast.dump(ast.Call(ast.Name("list", ast.Load()), [], [])),
    _DICT: ast.dump(ast.Call(ast.Name("dict", ast.Load()), [], [])),
}


def _collecting(node: ast.For) -> _Collected | None:
    inner = _innermost(node)
    if inner is None:
        return None
    generators, last = inner
    match last:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value])):
            return _Collected(name, _LIST, ast.ListComp(value, generators))
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="add"), args=[value])):
            return _Collected(name, _SET, ast.SetComp(value, generators))
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value):
            return _Collected(name, _DICT, ast.DictComp(key, value, generators))
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.BinOp(left=ast.Name(id=same), op=ast.Add(), right=value)
        ) if name == same:
            total = ast.Call(ast.Name(f"{BUILTIN}sum", ast.Load()), [ast.GeneratorExp(value, generators)], [])
            return _Collected(name, _ZERO, total)
    return None


def _innermost(node: ast.stmt) -> tuple[list[ast.comprehension], ast.stmt] | None:
    """The loops and conditions of a loop that has one statement in it, and this statement."""
    generators: list[ast.comprehension] = []
    while True:
        match node:
            case ast.For(target=target, iter=values, body=[inner], orelse=[]):
                generators.append(ast.comprehension(target, values, [], 0))
            case ast.If(test=test, body=[inner], orelse=[]):
                generators[-1].ifs.append(test)
            case _:
                return (generators, node) if not isinstance(node, (ast.For, ast.If)) else None
        node = inner


def _with_one_return(block: list[ast.stmt]) -> list[ast.stmt]:
    """A block that ends with a test and two ways to return, as one `return`."""
    while len(block) > 1:
        match block[-2], block[-1]:
            case ast.If(test=test, body=[ast.Return(value=one)], orelse=[]), ast.Return(value=other):
                last = ast.Return(_either(test, one or ast.Constant(None), other or ast.Constant(None)))
            case ast.For() as loop, ast.Return(value=ast.Constant(value=bool(otherwise))):
                found = _searching(loop, otherwise=otherwise)
                if found is None:
                    return block
                last = ast.Return(found)
            case _:
                return block
        block = [*block[:-2], ast.copy_location(last, block[-1])]
    return block


def _either(test: ast.expr, one: ast.expr, other: ast.expr) -> ast.expr:
    match one, other:
        case ast.Constant(value=True), ast.Constant(value=False):
            return test
        case ast.Constant(value=False), ast.Constant(value=True):
            return negated(test)
    return ast.IfExp(test, one, other)


def _searching(loop: ast.For, *, otherwise: bool) -> ast.expr | None:
    """`any` or `all` in place of a loop that returns at the first hit, and the opposite after it."""
    inner = _innermost(loop)
    match inner:
        case [*_, ast.comprehension(ifs=[*_, _])] as generators, ast.Return(value=ast.Constant(value=bool(found))) if (
            found is not otherwise
        ):
            test = generators[-1].ifs.pop()
            elt, name = (test, "any") if found else (negated(test), "all")
            return ast.Call(ast.Name(BUILTIN + name, ast.Load()), [ast.GeneratorExp(elt, generators)], [])
    return None
