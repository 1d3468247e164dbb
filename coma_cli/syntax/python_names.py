"""Which names a Python program uses without defining or importing them, and which its standard library does not have.

Scopes are those that Python's own compiler finds (the module symtable). What the standard library has is a table of all
supported versions, made by `docs/list_standard_library.py`: a name counts as missing only if no version has it,
whichever interpreter runs this.
"""

import ast
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

from coma_cli.languages import python_tree
from coma_cli.syntax.python_trees import nodes_of
from coma_cli.words import name_set

_TABLE = Path(__file__).with_name("standard_library.txt")
_ALWAYS_THERE = name_set(
    "_ __annotations__ __builtins__ __class__ __debug__ __doc__ __file__ __loader__ __module__ __name__ __package__ "
    "__path__ __qualname__ __spec__ WindowsError"
)
# Programs that define names at run time, or show what happens if one is missing.
_DYNAMIC = re.compile(r"\b(?:exec|eval|globals|locals|vars|setattr|NameError|UnboundLocalError)\b")
# Names that are so often taken from these modules that the missing import is certain.
_IMPORTED_FROM: Mapping[str, str] = {
    **dict.fromkeys(("Any", "Callable", "Dict", "List", "Optional", "Set", "Tuple", "Union"), "typing"),
    **dict.fromkeys(("Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"), "collections"),
    **dict.fromkeys(("cmp_to_key", "lru_cache"), "functools"),
    **dict.fromkeys(("heapify", "heappop", "heappush"), "heapq"),
}


@cache
def standard_library() -> Mapping[str, frozenset[str]]:
    """The public names of the modules of the standard library, in any version from 3.10 on, by module.

    Under "." are the names that only classes have.
    """
    lines = _TABLE.read_text(encoding="ascii").splitlines()
    return {name: frozenset(names) for name, *names in map(str.split, lines)}


@lru_cache(maxsize=4)  # missing imports are added, and then the names are checked
def undefined_names(code: str) -> frozenset[str]:
    """Names that a program uses and that nothing defines; none of code that is not Python 3 or makes names."""
    tree = python_tree(code)
    if tree is None or _DYNAMIC.search(code) or ("import" in code and any(map(_imports_all, nodes_of(tree)))):
        return frozenset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tables = list(_tables(symtable.symtable(code, "answer", "exec")))
    except (SyntaxError, ValueError, RecursionError):  # two parameters of one name, for example
        return frozenset()
    top = tables[0]
    known = frozenset(symbol.get_name() for symbol in top.get_symbols() if _is_defined(symbol))
    if "global" in code:
        known |= {s.get_name() for table in tables[1:] for s in table.get_symbols() if s.is_declared_global()}
    known |= standard_library()["builtins"] | _ALWAYS_THERE
    return frozenset(name for table in tables for name in _taken_from_outside(table, known, everything=table is top))


def _taken_from_outside(table: symtable.SymbolTable, known: frozenset[str], *, everything: bool) -> Iterator[str]:
    """The names that a scope takes from the module or from Python itself, but for known ones; of a module all."""
    named_like_a_module = not everything and table.get_name() == "top"
    if isinstance(table, symtable.Function) and not named_like_a_module:
        names: Iterable[str] = table.get_globals()
    else:
        names = table.get_identifiers()
    for name in names:
        if name not in known:
            symbol = table.lookup(name)
            # Before Python 3.12, symtable takes each scope called `top` for a module, and what it binds for global.
            own = (
                named_like_a_module
                and not symbol.is_declared_global()
                and (symbol.is_parameter() or _is_defined(symbol))
            )
            if symbol.is_referenced() and (everything or symbol.is_global()) and not own:
                yield name


def _imports_all(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _is_defined(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def missing_attributes(code: str) -> tuple[str, ...]:
    """What a program takes from modules of the standard library that no version of them has, such as `math.add`."""
    tree = python_tree(code) if "import" in code else None
    if tree is None or "hasattr" in code or "AttributeError" in code or "ImportError" in code:
        return ()
    nodes = nodes_of(tree)
    found = [name for node in nodes if isinstance(node, ast.ImportFrom) for name in _absent_imports(node)]
    modules = _imported_modules(nodes)
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            dotted = ast.unparse(node) if _is_dotted(node) else ""
            module, _, name = dotted.rpartition(".")
            root, _, rest = module.partition(".")
            full = ".".join(filter(None, (modules.get(root, ""), rest)))
            if root in modules and _is_absent(full, name):
                found.append(f"{full}.{name}")
    return tuple(dict.fromkeys(found))


def _is_absent(module: str, name: str) -> bool:
    """Whether a module of the standard library lacks a public name; private ones are not in the table."""
    names = standard_library().get(module)
    return names is not None and name not in names and not name.startswith("_")


def _absent_imports(node: ast.ImportFrom) -> Iterator[str]:
    for alias in node.names if node.level == 0 and node.module is not None else ():
        if alias.name != "*" and _is_absent(str(node.module), alias.name):
            yield f"{node.module}.{alias.name}"


def _imported_modules(nodes: list[ast.AST]) -> dict[str, str]:
    """The modules that names stand for; none that is assigned as well."""
    modules = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    assigned |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    assigned |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return {name: module for name, module in modules.items() if name not in assigned}


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def with_missing_imports(code: str) -> str:
    """A program with the imports of the standard library that it lacks, where they are certain; else as it is.

    A module's import is certain if the program takes from it what it has (`math.sqrt`), that of other names if they are
    among those that everybody imports (`defaultdict`, `List`).
    """
    undefined = undefined_names(code)
    if not undefined:
        return code
    tree = python_tree(code)
    assert tree is not None
    taken: dict[str, set[str]] = {}
    for node in nodes_of(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken.setdefault(node.value.id, set()).add(node.attr)
    lines = []
    for name in sorted(undefined):
        if name in _IMPORTED_FROM:
            lines.append(f"from {_IMPORTED_FROM[name]} import {name}")
        elif taken.get(name, set()) and taken[name] <= standard_library().get(name, frozenset()):
            lines.append(f"import {name}")
    if not lines:
        return code
    place = _first_statement(tree)
    rows = code.split("\n")
    gap = [""] if isinstance(_statement_at(tree, place), (ast.FunctionDef, ast.ClassDef)) else []
    return "\n".join([*rows[:place], *lines, *gap, *rows[place:]])


def _statement_at(tree: ast.Module, place: int) -> ast.stmt | None:
    return next((node for node in tree.body if _line_of(node) == place), None)


def _first_statement(tree: ast.Module) -> int:
    """The line (from 0) of the first statement that is neither a docstring nor an import of the future."""
    for number, node in enumerate(tree.body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and number == 0
        if not is_text and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            return _line_of(node)
    return 0


def _line_of(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(entry.lineno for entry in decorators)]) - 1
