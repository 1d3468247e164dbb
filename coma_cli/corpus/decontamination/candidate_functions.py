"""The Python functions of a row that may solve a benchmark problem, each with what it needs to run by itself.

A candidate is a function or a method that takes positional arguments, returns something, and whose names are all known:
defined in the same code, built in, or a module of `MODULES`. Its program is the part of the code that it needs
(helpers, classes, constants, imports), without documentation, annotations of parameters, comments and layout, so that
equal functions of different rows are one program. No other top-level statement of a row is ever run.
"""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from coma_cli.corpus.decontamination.normalized_ast import codes_in
from coma_cli.corpus.extraction.programs import unrunnable
from coma_cli.jsonl import sha256_of
from coma_cli.languages import parse_python

# Modules that functions may import: what the problems of benchmarks need. A function that draws random numbers or reads
# the clock would solve problems by chance.
_MODULES = """
    __future__ abc array base64 binascii bisect calendar cmath collections copy dataclasses datetime decimal difflib
    enum fractions functools hashlib heapq itertools json keyword math numbers operator queue re statistics string
    struct sys textwrap types typing unicodedata zlib
"""
MODULES = frozenset(_MODULES.split())
# What may change more than its own namespace: such a function never shares a process with others.
_FAR = "sys types eval exec compile globals vars setattr delattr __import__ __builtins__ breakpoint"
_FAR_REACHING = frozenset(_FAR.split())
_READS_INPUT = frozenset({"input", "open"})
_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MOST_CHARS = 20_000
MANY = 1_000  # the most positional arguments of a function with `*args`


class Arity(NamedTuple):
    """With how many positional arguments a function can be called."""

    least: int
    most: int

    def fits(self, counts: Iterable[int]) -> bool:
        """Whether calls with these numbers of arguments are possible."""
        return all(self.least <= count <= self.most for count in counts)


@dataclass(frozen=True)
class CandidateFunction:
    """A program, and the expression that is its function; `shared` ones may run in one process with others."""

    program: str
    function: str
    arity: Arity
    names: frozenset[str]
    shared: bool

    @property
    def key(self) -> str:
        """SHA-256 (hex) of all that decides what it does."""
        return sha256_of([self.program, self.function])


def candidates_in(texts: Iterable[str]) -> Iterator[CandidateFunction]:
    """The candidates in the code of some texts: in their fenced blocks, else in each as a whole."""
    for text in texts:
        if may_hold_candidates(text):
            for code in codes_in(text):
                tree = parse_python(code) if may_hold_candidates(code) else None
                if tree is not None:
                    yield from _of_tree(tree)


def _of_tree(tree: ast.Module) -> list[CandidateFunction]:
    """The candidates of one program; none if it can't be written as text again, as one that is nested deeply."""
    try:
        return [found for found in _Block(tree.body).candidates() if unrunnable(found.program) is None]
    except (RecursionError, ValueError):
        return []


def may_hold_candidates(text: str) -> bool:
    """A cheap check before parsing."""
    has_function = ("def " in text and ("return" in text or "yield" in text)) or "lambda" in text
    return has_function and len(text) <= _MOST_CHARS


class _Block:
    """The top level of one program: which statement binds which name."""

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self._body = [_Plain().visit(node) for node in body]
        self._order = {id(node): number for number, node in enumerate(self._body)}
        self._binding: Mapping[str, list[ast.stmt]] = _binding(self._body)

    def candidates(self) -> Iterator[CandidateFunction]:
        for node in self._body:
            match node:
                case ast.FunctionDef(name=name, args=args) if _returns(node) and not _is_bound(args):
                    yield from self._candidate(node, name, args, 0)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=args)):
                    yield from self._candidate(node, name, args, 0)
                case ast.ClassDef():
                    yield from self._methods(node)

    def _methods(self, node: ast.ClassDef) -> Iterator[CandidateFunction]:
        """The methods of a class whose instances can be made without arguments."""
        methods = [entry for entry in node.body if isinstance(entry, ast.FunctionDef)]
        made = next((method for method in methods if method.name == "__init__"), None)
        if made is not None and _arity(made.args, 1).least:
            return
        for method in methods:
            decorators = {ast.unparse(entry) for entry in method.decorator_list}
            if method.name.startswith("__") or not _returns(method) or decorators - {"staticmethod", "classmethod"}:
                continue
            bound = 0 if "staticmethod" in decorators else 1
            function = f"{node.name}.{method.name}" if decorators else f"{node.name}().{method.name}"
            yield from self._candidate(node, function, method.args, bound)

    def _candidate(self, node: ast.stmt, function: str, args: ast.arguments, bound: int) -> Iterator[CandidateFunction]:
        arity = _arity(args, bound)
        needed = self._needed(node) if arity.most > 0 and not _has_required_keyword(args) else None
        if needed is not None:
            modules, statements = needed
            program = ast.unparse(ast.Module([*(ast.Import([ast.alias(m)]) for m in modules), *statements], []))
            if len(program) <= _MOST_CHARS:
                names = frozenset(name for name, nodes in self._binding.items() if any(n in statements for n in nodes))
                yield CandidateFunction(program, function, arity, names, _may_share(statements))

    def _needed(self, node: ast.stmt) -> tuple[list[str], list[ast.stmt]] | None:
        """The modules to import and the statements that one needs, in their order; None if a name is unknown."""
        needed: dict[int, ast.stmt] = {id(node): node}
        modules: set[str] = set()
        left = [node]
        while left:
            for name in _free_names(left.pop()):
                if name in self._binding:
                    new = [entry for entry in self._binding[name] if id(entry) not in needed]
                    needed.update((id(entry), entry) for entry in new)
                    left += new
                elif name in MODULES:
                    modules.add(name)  # an import that the row lacks
                elif name not in _KNOWN or name in _READS_INPUT:
                    return None
        statements = sorted(needed.values(), key=lambda entry: self._order[id(entry)])
        imported = {name for entry in statements for name in _imported(entry)}
        return (sorted(modules), statements) if imported <= MODULES else None


class _Plain(ast.NodeTransformer):
    """Removes documentation and the annotations of functions, which may need names that the row does not import."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        node.body = _undocumented(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = _undocumented(node.body)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] or [ast.Pass()] if documented else body


def _binding(body: Sequence[ast.stmt]) -> dict[str, list[ast.stmt]]:
    found: dict[str, list[ast.stmt]] = defaultdict(list)
    for node in body:
        for name in _bound_names(node):
            found[name].append(node)
    return found


def _bound_names(node: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement defines, if it is one that defines names and does nothing else."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in aliases)
        case ast.Assign(targets=targets):
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name
        case ast.Try(body=body, handlers=handlers):
            inner = [*body, *(entry for handler in handlers for entry in handler.body)]
            if all(isinstance(entry, (ast.Import, ast.ImportFrom, ast.Assign, ast.Pass)) for entry in inner):
                yield from (name for entry in inner for name in _bound_names(entry))


def _free_names(node: ast.stmt) -> set[str]:
    """Names that a statement uses and that are not local to it (a name that is local anywhere in it is not free)."""
    used: set[str] = set()
    local: set[str] = set()
    shared: set[str] = set()
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                local.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                local.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                local.update((alias.asname or alias.name).partition(".")[0] for alias in aliases)
            case ast.Global(names=names):
                shared.update(names)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                local.add(name)
    if not isinstance(node, _DEFINITIONS):  # its names are the module's own, as are those of a lambda's parameters not
        local = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)} | _comprehended(node)
    return (used - local) | shared


def _comprehended(node: ast.AST) -> set[str]:
    loops = (part for part in ast.walk(node) if isinstance(part, ast.comprehension))
    return {part.id for loop in loops for part in ast.walk(loop.target) if isinstance(part, ast.Name)}


def _imported(node: ast.AST) -> Iterator[str]:
    """Top-level names of the modules that a statement imports."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            star = any(alias.name == "*" for alias in part.names)
            yield "*" if star or part.level else (part.module or "").partition(".")[0]


def _arity(args: ast.arguments, bound: int) -> Arity:
    positional = len(args.posonlyargs) + len(args.args)
    least = max(0, positional - len(args.defaults) - bound)
    return Arity(least, MANY if args.vararg else positional - bound)


def _has_required_keyword(args: ast.arguments) -> bool:
    return any(default is None for default in args.kw_defaults)


def _is_bound(args: ast.arguments) -> bool:
    """Whether this is a method without its class."""
    first = next(iter((*args.posonlyargs, *args.args)), None)
    return first is not None and first.arg in ("self", "cls")


def _returns(node: ast.FunctionDef) -> bool:
    return any(
        isinstance(part, (ast.Yield, ast.YieldFrom)) or (isinstance(part, ast.Return) and part.value is not None)
        for part in ast.walk(node)
    )


def _may_share(statements: Sequence[ast.stmt]) -> bool:
    """Whether nothing that these statements do can reach other functions of the same process."""
    imported = {name for entry in statements for name in _imported(entry)}
    if imported & _FAR_REACHING:
        return False
    for part in (part for entry in statements for part in ast.walk(entry)):
        match part:
            case ast.Name(id=name) if name in _FAR_REACHING:
                return False
            case ast.Attribute(attr=name) if name.startswith("__") and name != "__name__":
                return False
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in MODULES:
                return False
    return True


def renamed(candidate: CandidateFunction, entry_point: str) -> str:
    """The program of a candidate with its function under the name that a benchmark's tests call."""
    if entry_point in candidate.names and candidate.function != entry_point:
        # A helper has that name: the program keeps names of its own.
        own = f"_names = {{'__name__': 'candidate'}}\nexec({candidate.program!r}, _names)\n"
        return f"{own}{entry_point} = eval({candidate.function!r}, _names)\n"
    if candidate.function == entry_point:
        return f"{candidate.program}\n"
    return f"{candidate.program}\n{entry_point} = {candidate.function}\n"
