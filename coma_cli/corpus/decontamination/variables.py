"""Which variable a name stands for: part of the normal form of programs (see `rewriting`)."""

import ast
from collections.abc import Sequence

# What a name becomes that stands for one variable: a program's own names have it, names from elsewhere have not.
OWN = "\0"
_SCOPES = frozenset({ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Lambda, ast.NamedExpr})


class Variables:
    """Gives each variable a name of its own, where one name serves for two variables (one after the other)."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}
        self._count = 0

    def rename(self, parameters: ast.arguments | None, statements: Sequence[ast.stmt]) -> None:
        """Rename the variables of a function in place."""
        self._arguments(parameters)
        self._walk(statements, first=True)

    def _arguments(self, parameters: ast.arguments | None) -> None:
        if parameters is None:
            return
        for one in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs):
            one.arg = self._new(one.arg)
        for rest in (parameters.vararg, parameters.kwarg):
            if rest is not None:
                rest.arg = self._new(rest.arg)

    def _new(self, name: str) -> str:
        self._count += 1
        self._now[name] = own = f"{name.rpartition(OWN)[2]}{OWN}{self._count}" if OWN not in name else name
        return own

    def _walk(self, statements: Sequence[ast.stmt], *, first: bool) -> None:
        for node in statements:
            self._statement(node, first=first)

    def _statement(self, node: ast.stmt, *, first: bool) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                self._expression(value)
                self._target(target, fresh=first)
            case ast.For() | ast.AsyncFor():
                self._expression(node.iter)
                self._target(node.target, fresh=True)
                self._walk(node.body, first=False)
                self._walk(node.orelse, first=False)
            case ast.If() | ast.While():
                self._expression(node.test)
                self._walk(node.body, first=False)
                self._walk(node.orelse, first=False)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                node.name = self._now.get(node.name) or self._new(node.name)
                outer = dict(self._now)
                self._arguments(node.args)
                self._walk(node.body, first=True)
                self._now = outer
            case _:
                self._rare_statement(node, first=first)

    def _rare_statement(self, node: ast.stmt, *, first: bool) -> None:
        match node:
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._expression(item.context_expr)
                    if item.optional_vars is not None:
                        self._target(item.optional_vars, fresh=True)
                self._walk(node.body, first=first)
            case ast.Try():
                for handler in node.handlers:
                    if handler.name:
                        handler.name = self._new(handler.name)
                blocks = (node.body, *(handler.body for handler in node.handlers), node.orelse, node.finalbody)
                for block in blocks:
                    self._walk(block, first=False)
            case _:
                self._expression(node)

    def _target(self, node: ast.AST, *, fresh: bool) -> None:
        if isinstance(node, ast.Name):
            known = self._now.get(node.id)
            node.id = known if known is not None and not fresh else self._new(node.id)
        elif isinstance(node, (ast.Tuple, ast.List, ast.Starred)):
            for child in ast.iter_child_nodes(node):
                self._target(child, fresh=fresh)
        else:
            self._expression(node)

    def _expression(self, node: ast.AST) -> None:
        kind = type(node)
        if kind is ast.Name:
            name: str = node.id  # type: ignore[attr-defined]
            if OWN not in name:
                node.id = self._now.get(name, name)  # type: ignore[attr-defined]
        elif kind in _SCOPES:
            self._scope(node)
        elif kind is not ast.Constant:
            for field in node._fields:
                value = getattr(node, field, None)
                if isinstance(value, ast.AST):
                    self._expression(value)
                elif isinstance(value, list):
                    for one in value:
                        if isinstance(one, ast.AST):
                            self._expression(one)

    def _scope(self, node: ast.AST) -> None:
        """An expression that has variables of its own."""
        outer = dict(self._now)
        match node:
            case ast.Lambda(args=parameters, body=body):
                self._arguments(parameters)
                self._expression(body)
            case ast.NamedExpr(target=target, value=value):
                self._expression(value)
                self._target(target, fresh=False)
                return
            case _:
                self._comprehension(node)
        self._now = outer

    def _comprehension(self, node: ast.AST) -> None:
        for part in node.generators:  # type: ignore[attr-defined]
            self._expression(part.iter)
            self._target(part.target, fresh=True)
            for test in part.ifs:
                self._expression(test)
        for field in ("elt", "key", "value"):
            made = getattr(node, field, None)
            if made is not None:
                self._expression(made)
