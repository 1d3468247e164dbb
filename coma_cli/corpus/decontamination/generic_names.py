"""Gives the functions of rows generic names, so that those that differ in nothing but names are run once.

Each name that a program binds becomes `_n0`, `_n1`, ... in the order of the text, the same name everywhere the same
one. That changes nothing that tests can see, if nothing asks for a name by its text. So these keep their names: what is
an attribute, a keyword or a text anywhere in the program, what a class or an import binds, what is built in, and what
the tests use. A program that could see its names (of errors, of scopes, of itself) is left as it is.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from coma_cli.corpus.decontamination.candidate_functions import CandidateFunction
from coma_cli.corpus.decontamination.solvable_problems import SolvableProblem
from coma_cli.languages import parse_python
from coma_cli.words import name_set

_NAME = "_n{}"
_IS_NAME = re.compile(r"[^\W\d]\w*")
_KEYWORD = re.compile(r"([^\W\d]\w*)\s*=(?!=)")
_SEES_NAMES = name_set("__import__ breakpoint compile delattr dir eval exec globals help locals setattr sys types vars")
_FIXED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def names_of_tests(problems: Iterable[SolvableProblem]) -> frozenset[str]:
    """The names that tests may use of a program, beside the entry point, which every program is given."""
    found: set[str] = set()
    for entry in problems:
        found.update(entry.names[1:], entry.keywords)
        found.update(_KEYWORD.findall(f"{entry.problem.prompt_code}\n{entry.problem.setup}"))
    return frozenset(found)


def with_generic_names(candidate: CandidateFunction, kept: frozenset[str]) -> CandidateFunction:
    """The same function with generic names, or the candidate itself where that could change what it does."""
    tree = parse_python(candidate.program)
    if tree is None:
        return candidate
    nodes = list(ast.walk(tree))
    if any(map(_may_see_names, nodes)):
        return candidate
    fixed = kept.union(*map(_fixed_by, nodes))
    names = dict.fromkeys(name for node in nodes for name in _bound_by(node))
    generic = {name: _NAME.format(n) for n, name in enumerate(name for name in names if _may_change(name, fixed))}
    if not generic or any(name in fixed or name in names for name in generic.values()):
        return candidate
    for node in nodes:
        _rename(node, lambda name: generic.get(name, name))
    head, dot, rest = candidate.function.partition("(")
    return replace(
        candidate,
        program=ast.unparse(tree),
        function=f"{generic.get(head, head)}{dot}{rest}",
        names=frozenset(generic.get(name, name) for name in candidate.names),
    )


def _may_change(name: str, fixed: frozenset[str]) -> bool:
    return name not in fixed and name not in _FIXED and not name.startswith("__")


def _may_see_names(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in _SEES_NAMES or (name.startswith("__") and name.endswith("__"))
        case ast.Attribute(attr=name):
            return name.startswith("__")
        case ast.ExceptHandler(name=name):
            return name is not None  # messages of errors have names
        case ast.keyword(arg=None) | ast.Match():
            return True
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return any(alias.name.partition(".")[0] in _SEES_NAMES for alias in aliases)
    return bool(getattr(node, "type_params", None))


def _fixed_by(node: ast.AST) -> Iterable[str]:
    """The names that a node uses in another way than as a variable."""
    match node:
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return (name,)
        case ast.Constant(value=str(text)):
            return _IS_NAME.findall(text)
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return (part for alias in aliases for part in (*alias.name.split("."), alias.asname or ""))
        case ast.ClassDef(name=name, body=body):
            return (name, *(bound for entry in body for part in _in_scope(entry) for bound in _bound_by(part)))
    return ()


def _in_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and what is below it, but not the bodies of its functions."""
    yield node
    if not isinstance(node, _DEFINITIONS):
        for child in ast.iter_child_nodes(node):
            yield from _in_scope(child)


def _bound_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            return (name,)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return (name,)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
    return ()


def _rename(node: ast.AST, new: Callable[[str], str]) -> None:
    match node:
        case ast.Name():
            node.id = new(node.id)
        case ast.arg():
            node.arg = new(node.arg)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            node.name = new(node.name)
        case ast.Global() | ast.Nonlocal():
            node.names = list(map(new, node.names))
