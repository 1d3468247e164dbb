"""The house holds: imports point down only, the four subjects never meet, and every stage is where the table says."""

import ast
from pathlib import Path

import pytest

from coma_cli.pipeline import PIPELINE
from tests.requirements import ROOT

PACKAGE = ROOT / "coma_cli"
SUBJECTS = {"dataset", "instructions", "training", "evaluation"}
FLOORS = ["cli", "commands", "workbench", "subjects", "corpus", "shelf", "ground"]
SHELF = {"catalog", "engines", "sandbox"}


def floor_of(module: str) -> int:
    """0 is the top; a module of the package by its first folder or file name."""
    room = module.split(".")[1] if "." in module else "cli"
    if room in SUBJECTS:
        return FLOORS.index("subjects")
    if room in SHELF:
        return FLOORS.index("shelf")
    return FLOORS.index({"cli": "cli", "__main__": "cli"}.get(room, room if room in FLOORS else "ground"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Modules of this package that a file imports anywhere in it, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "coma_cli"}
    return {name for name in names if name.startswith("coma_cli.")}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: module_name(p))
def test_imports_point_down_only(path):
    here = module_name(path)
    for target in imports_of(path):
        assert floor_of(target) >= floor_of(here), f"{here} imports {target}, which is above it"
        rooms = {here.split(".")[1] if "." in here else "", target.split(".")[1]}
        assert len(rooms & SUBJECTS) < 2, f"{here} imports {target}: subjects never meet"


def test_the_sandbox_needs_nothing_but_the_standard_library():
    import sys

    for path in (PACKAGE / "sandbox").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith("coma_cli.sandbox") or name.split(".")[0] in sys.stdlib_module_names, (
                    path,
                    name,
                )


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_every_row_of_the_pipeline_has_its_command_and_its_stage(row):
    import importlib

    words = row.command.replace("-", "_")
    module = importlib.import_module(row.module)
    assert row.module.endswith(f".{words}")
    assert {"SETTINGS", "plan", "work", "headline", "show"} <= set(dir(module))
    assert (PACKAGE / "commands" / f"{words}.py").is_file()
    assert set(row.reads) <= {other.command for other in PIPELINE}


def test_modules_stay_readable():
    long = {module_name(p): n for p in FILES if (n := p.read_text(encoding="utf-8").count("\n")) > 430}
    assert not long, f"look for the seam: {long}"
