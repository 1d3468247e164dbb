"""Rewrites the statements of a Python function to a normal form, so that small changes of a program do not hide it.

The same normal form results whether a program says `x += 1` or `x = x + 1`, annotates its variables or not, assigns two
variables at once or one after the other, has an `else` after a `return` or not, collects in a loop or in a
comprehension, keeps a result or a constant in a variable that is used once, uses one name for two things or two names,
and prints what it does or not. Only the rewriting of blocks is here; expressions are normalized as they are written
(see `normalized_ast`).

The result need not run: it is compared only. Nodes are shared with the tree that it is made from, which is changed.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from coma_cli.corpus.decontamination.collecting import collected, names_of
from coma_cli.corpus.decontamination.variables import OWN, Variables

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LEFT_OUT = (ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Assert)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_SAID = frozenset({"print", "pprint"})
_LOGGERS = frozenset({"logging", "logger", "log"})
_LITERALS = (ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.Load)


class Rewritten(NamedTuple):
    """Statements in normal form, and the expressions that stand for variables used once, by the variable's name."""

    statements: list[ast.stmt]
    inlined: Mapping[str, ast.expr]


def rewritten(
    body: Sequence[ast.stmt], parameters: ast.arguments | None, constants: Mapping[str, ast.expr]
) -> Rewritten:
    """A function's body in normal form; `constants` are variables of the module that hold a literal."""
    statements = _block(_Literal(constants).put_into(body) if constants else body)
    Variables().rename(parameters, statements)
    counts = _count(statements)
    constant = {name: value for name, value in counts.once() if isinstance(value, ast.Constant)}
    if constant:
        statements = _Literal(constant).put_into(_without(statements, constant))
    statements = collected(statements)
    counts = _count(statements)
    inlined = {name: value for name, value in counts.once() if counts.loaded[name] == 1}
    return Rewritten(_without(statements, inlined) if inlined else statements, inlined)


def constants_of(module: ast.Module) -> dict[str, ast.expr]:
    """The variables of a module that are assigned once, to a literal."""
    counts: Counter[str] = Counter()
    found: dict[str, ast.expr] = {}
    for statement in _block(module.body, whole=False):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                counts[name] += 1
                if _is_literal(value):
                    found[name] = value
    return {name: value for name, value in found.items() if counts[name] == 1}


# --- statements ---


def _block(body: Sequence[ast.stmt], *, whole: bool = True) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    for statement in body:
        made.extend(_statement(statement) if whole else _assignments(statement))
    match made[-2:]:
        case [ast.Assign(targets=[ast.Name(id=name)], value=value), ast.Return(value=ast.Name(id=same))] if (
            name == same
        ):
            made[-2:] = [ast.copy_location(ast.Return(value), made[-1])]
    return made


def _statement(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=value) if tells_the_user(value):
            return
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            yield from _assignments(node)
            return
        case ast.If():
            yield from _condition(node)
            return
        case ast.For() | ast.AsyncFor() | ast.While():
            node.body, node.orelse = _block(node.body), _block(node.orelse)
        case ast.With() | ast.AsyncWith() | ast.ClassDef():
            node.body = _block(node.body)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            node.body = _block(node.body)
        case ast.Try():
            node.body, node.orelse, node.finalbody = map(_block, (node.body, node.orelse, node.finalbody))
            for handler in node.handlers:
                handler.body = _block(handler.body)
    if not isinstance(node, _LEFT_OUT):
        yield node


def tells_the_user(value: ast.expr) -> bool:
    """Whether a statement is documentation, or tells the user what happens."""
    match value:
        case ast.Constant():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in _SAID
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
            return name in _LOGGERS
    return False


def _assignments(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.AnnAssign(value=None):
            return
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield _assign(target, value, node)
        case ast.AugAssign(target=changed, op=op, value=value):
            yield _assign(changed, ast.BinOp(_loaded(changed), op, value), node)
        case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=ast.Tuple(elts=values)) if (
            len(targets) == len(values) and _independent(targets, values)
        ):
            for one, its_value in zip(targets, values, strict=True):
                yield _assign(one, its_value, node)
        case ast.Assign(targets=[first, *others], value=value) if others:
            for one in (first, *others):
                yield _assign(one, value, node)
        case ast.Assign():
            yield node


def _assign(target: ast.expr, value: ast.expr, at: ast.stmt) -> ast.Assign:
    return ast.copy_location(ast.Assign([target], value), at)


def _loaded(target: ast.expr) -> ast.expr:
    return ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target


def _independent(targets: Sequence[ast.expr], values: Sequence[ast.expr]) -> bool:
    """Whether assignments one after the other do the same as all at once."""
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    if len(names) < len(targets):
        return False
    return all(isinstance(value, ast.Constant) for value in values) or names.isdisjoint(
        name for value in values for name in names_of(value)
    )


def _condition(node: ast.If) -> Iterator[ast.stmt]:
    """An `if`, without an `else` after a branch that leaves."""
    body, orelse = _block(node.body), _block(node.orelse)
    if not body and not orelse:
        return
    test = node.test
    if orelse and isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, body, orelse = test.operand, orelse, body
    match body:
        case [ast.If(test=inner_test, body=inner_body, orelse=[])] if not orelse:
            test, body = ast.BoolOp(ast.And(), [test, inner_test]), inner_body
    node.test, node.body = test, body
    if body and orelse and isinstance(body[-1], _LEAVES):
        node.orelse = []
        yield node
        yield from orelse
    else:
        node.orelse = orelse
        yield node


def _is_literal(value: ast.expr) -> bool:
    return all(isinstance(node, _LITERALS) for node in ast.walk(value))


# --- what is used once ---


class _Literal(ast.NodeTransformer):
    """Puts literals in the place of variables."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self._values = values

    def put_into(self, block: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Statements with the literals."""
        return [self.visit(node) for node in block]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A variable that stands for a literal, as the literal."""
        return self._values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


class _Counts(NamedTuple):
    """How often each variable is set and used, and what the last assignment to it says."""

    stored: Counter[str]
    loaded: Counter[str]
    assigned: Mapping[str, ast.expr]

    def once(self) -> Iterator[tuple[str, ast.expr]]:
        """The program's own variables that are set once, by an assignment, with their values."""
        return ((name, value) for name, value in self.assigned.items() if OWN in name and self.stored[name] == 1)


def _count(statements: Sequence[ast.stmt]) -> _Counts:
    counts = _Counts(Counter(), Counter(), assigned := {})
    stack: list[ast.AST] = list(statements)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            (counts.loaded if isinstance(node.ctx, ast.Load) else counts.stored)[node.id] += 1
            continue
        if isinstance(node, ast.arg):
            counts.stored[node.arg] += 1
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned[node.targets[0].id] = node.value
        stack.extend(children_of(node))
    return counts


def children_of(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below a node, in the order of its fields."""
    children: list[ast.AST] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            children.append(value)
        elif isinstance(value, list):
            children.extend(one for one in value if isinstance(one, ast.AST))
    return children


def _without(block: Sequence[ast.stmt], names: Mapping[str, ast.expr]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for node in block:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id in names:
                continue
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(node, field, None)
            if isinstance(inner, list) and inner:
                setattr(node, field, _without(inner, names))
        kept.append(node)
    return kept
