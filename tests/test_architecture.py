"""The layout holds: imports point down only, the four subjects never meet, and every stage is where the table says."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

from coma_cli.pipeline import PIPELINE
from tests.requirements import ROOT

PACKAGE = ROOT / "coma_cli"
SUBJECTS = {"dataset", "instructions", "training", "evaluation"}
# From the top down. A module may import its own floor and those below; everything at the top of the package is named.
FLOORS: tuple[set[str], ...] = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"workbench"},
    SUBJECTS,
    {"corpus"},
    {"catalog", "engines", "models", "sandbox"},
    {"formats", "syntax", "parallel"},
    {
        "__init__",
        "console",
        "errors",
        "hashing",
        "journal",
        "jsonl",
        "languages",
        "pipeline",
        "prompting",
        "provenance",
        "records",
        "settings",
        "words",
        "workspace",
    },
)
ROOMS = {  # rooms within rooms
    "catalog": {"sources", "tasks", "benchmarks", "bases", "mixtures", "licences"},
    "corpus": {"cleaning", "dedup", "decontamination", "extraction"},
    "sandbox/inside": {"isolation", "protocol", "zygotes"},
    "training": {"merging"},
}
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 100


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {module_name(path): path for path in FILES}


def floor_of(module: str) -> int:
    """0 is the top; a module of the package by its first folder or file name."""
    room = module.split(".")[1] if "." in module else "__init__"
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


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


def _at_import(statements):
    """What runs when a module is imported: no bodies of functions, nothing that only a type checker reads."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.unparse(statement.test):
            yield from _at_import([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            yield from _at_import([*statement.body, *statement.orelse, *statement.finalbody])


@pytest.mark.parametrize("path", FILES, ids=lambda p: module_name(p))
def test_imports_point_down_only(path):
    here = module_name(path)
    for target in imports_of(path) - {"coma_cli"}:
        assert floor_of(target) >= floor_of(here), f"{here} imports {target}, which is above it"
        rooms = {here.split(".")[1] if "." in here else "", target.split(".")[1]}
        assert len(rooms & SUBJECTS) < 2, f"{here} imports {target}: subjects never meet"


def test_every_room_is_named():
    top = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert top == set().union(*FLOORS)
    for room, inner in ROOMS.items():
        folders = {path.name for path in (PACKAGE / room).iterdir() if (path / "__init__.py").is_file()}
        assert folders == inner, room


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: imports_of(path, everywhere=False) for name, path in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError with the cycle


def test_the_sandbox_needs_nothing_but_the_standard_library():
    allowed = ("coma_cli.sandbox", "coma_cli.parallel.machine")
    for path in [*(PACKAGE / "sandbox").rglob("*.py"), PACKAGE / "parallel" / "machine.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith(allowed) or name.split(".")[0] in sys.stdlib_module_names, (path, name)


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_every_row_of_the_pipeline_has_its_command_and_its_stage(row):
    import importlib

    words = row.command.replace("-", "_")
    module = importlib.import_module(row.module)
    assert row.module.endswith(f".{words}")
    assert {"SETTINGS", "plan", "work", "headline", "show"} <= set(dir(module))
    assert (PACKAGE / "commands" / f"{words}.py").is_file()
    assert set(row.reads) <= {other.command for other in PIPELINE}


def test_no_class_name_is_defined_twice():
    """One meaning per name: who reads `Rows` somewhere need not ask which one."""
    homes: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name)
    assert not {name: modules for name, modules in homes.items() if len(modules) > 1}


def test_constructors_only_store():
    """What opens, reads, writes or waits has a name that says so (`Journal.open`, `RunLock.acquire`)."""
    for name, path in MODULES.items():
        if {"engines", "evaluation", "sandbox"} & set(name.split(".")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                assert not [ast.unparse(part) for part in ast.walk(node) if _is_work(part)], f"{name}:{node.lineno}"


def _is_work(node: ast.AST) -> bool:
    """Whether this is a loop, a block that opens or tries something, or a call that does."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return called in {"open", "mkdir", "unlink", "read_bytes", "read_text", "fromfile", "lockf", "run", "write"}
    return isinstance(node, (ast.For, ast.While, ast.With, ast.Try))


def test_modules_stay_readable():
    long = {module_name(p): n for p in FILES if (n := p.read_text(encoding="utf-8").count("\n")) > MOST_LINES}
    assert not long, f"look for the seam: {long}"


def test_functions_stay_readable():
    long = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    long[f"{module_name(path)}.{node.name}"] = lines
    assert not long, f"look for the seam: {long}"
