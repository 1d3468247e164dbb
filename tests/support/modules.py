"""The package as text: its modules and what each of them imports."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.requirements import ROOT

PACKAGE = ROOT / "coma_cli"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {module_name(path): path for path in FILES}


def imports_of(path: Path, *, everywhere: bool = True) -> set[str]:
    """Modules of this package that a file imports; inside functions too if `everywhere`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree) if everywhere else _at_import(tree.body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            within = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names |= within
            if len(within) < len(node.names):
                names.add(node.module or "")
    return {name for name in names if name.split(".")[0] == "coma_cli"}


def _at_import(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """What runs when a module is imported: no bodies of functions, nothing that only a type checker reads."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.unparse(statement.test):
            yield from _at_import([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            yield from _at_import([*statement.body, *statement.orelse, *statement.finalbody])
