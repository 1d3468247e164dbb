"""The layout holds: imports point down only, the four subjects never meet, and every stage is where the table says."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

from coma_cli.pipeline import PIPELINE
from coma_cli.stage import Stage, settings_of, stage_of
from tests.requirements import ROOT
from tests.support.modules import FILES, MODULES, PACKAGE, imports_of, module_name

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
    {"formats", "syntax", "parallel", "publishing"},
    {
        "__init__",
        "cache",
        "chat_templates",
        "console",
        "drop_reasons",
        "errors",
        "flags",
        "hashing",
        "journal",
        "jsonl",
        "languages",
        "pipeline",
        "plotting",
        "prompt_templates",
        "prompting",
        "provenance",
        "records",
        "settings",
        "shipped",
        "stage",
        "text_language",
        "words",
        "workspace",
    },
)
ROOMS = {  # rooms within rooms
    "catalog": {"sources", "tasks", "benchmarks", "bases", "mixtures", "licences"},
    "corpus": {"cleaning", "dedup", "decontamination", "extraction", "metrics"},
    "sandbox/inside": {"isolation", "protocol", "zygotes"},
    "training": {"distributed", "merging", "pushing", "reporting"},
}
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 60
MOST_LINES_OF_A_COMMAND = 80
TESTS = ROOT / "tests"
# Test files that mirror no module, by folder or name, and what they test instead; each says more in its docstring.
MIRROR_NOTHING = {
    "bad_input": "what any user may hand to any command or source",
    "benchmarks": "the measurements of speed in the same folder",
    "end_to_end": "whole commands, one after the other",
    "gpu": "training and sampling on a GPU: the checks of `make test-gpu`",
    "support": "what tests are made with",
    "sandbox/behaviour": "whole sandboxes: what programs can do in them, and what they can't",
    "test_architecture.py": "the code as text",
    "test_documentation.py": "README.md and docs/",
    "test_english.py": "the words of code, configurations and documentation",
    "test_extending.py": "docs/extending.md",
    "test_row_forms.py": "every command that reads files of rows",
    "catalog/test_catalog.py": "the tables of all rooms of the catalogue",
}
# Underscored names that are public all the same, of named tuples and of the standard library.
PUBLIC_ALL_THE_SAME = {"_asdict", "_exit", "_fields", "_getframe", "_make", "_replace"}
# What torch and transformers offer under no other name.
PUBLIC_ALL_THE_SAME |= {"_C", "_attn_implementation", "_cuda_clearCublasWorkspaces"}


def floor_of(module: str) -> int:
    """0 is the top; a module of the package by its first folder or file name."""
    room = module.split(".")[1] if "." in module else "__init__"
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


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
    words = row.command.replace("-", "_")
    assert row.module.endswith(f".{words}")
    stage = stage_of(row.command)
    assert isinstance(stage, Stage)
    assert stage.settings is settings_of(row.command)
    assert (PACKAGE / "commands" / f"{words}.py").is_file()
    assert set(row.reads) <= {other.command for other in PIPELINE}


def test_what_is_typed_is_not_cast_or_looked_up_by_name():
    for row in PIPELINE:
        for path in (MODULES[row.module], PACKAGE / "commands" / "execute.py", PACKAGE / "stage.py"):
            names = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
            assert not names & {"getattr", "hasattr", "cast"}, path


def test_commands_are_thin():
    for path in (PACKAGE / "commands").glob("*.py"):
        if path.stem.replace("_", "-") in {row.command for row in PIPELINE}:
            assert path.read_text(encoding="utf-8").count("\n") < MOST_LINES_OF_A_COMMAND


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


def mirrored(test_file: Path) -> list[Path]:
    """Where the module of a test file may be: `a/test_b.py` tests `a/b.py`, or the package `a/b` or `b` as a whole."""
    here = PACKAGE / test_file.parent.relative_to(TESTS)
    name = test_file.stem.removeprefix("test_")
    packages = [here / name, *([here] if here.name == name else [])]
    return [here / f"{name}.py", *(package / "__init__.py" for package in packages)]


TEST_FILES = sorted(TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_every_test_file_mirrors_a_module_or_says_why_not(path):
    place = path.relative_to(TESTS).as_posix()
    if not any(place == free or place.startswith(f"{free}/") for free in MIRROR_NOTHING):
        assert any(module.is_file() for module in mirrored(path)), f"no module for {place}: move it, or see the table"
    elif not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
        pytest.fail(f"{place} tests no single module: its docstring has to say what it tests")


def test_the_table_of_other_test_files_names_what_there_is():
    assert [place for place in MIRROR_NOTHING if not (TESTS / place).exists()] == []


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC_ALL_THE_SAME


def private_names_used(path: Path) -> list[str]:
    """Underscored names of others that a file imports, reads or patches."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "coma_cli":
            found += [alias.name for alias in node.names if is_private(alias.name)]
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found += [] if own else [ast.unparse(node)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("setattr", "delattr", "getattr")):
            texts = [word.value for word in node.args[:2] if isinstance(word, ast.Constant)]
            found += [text for text in texts if isinstance(text, str) and is_private(text.rpartition(".")[2])]
    return found


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_use_public_names_only(path):
    assert private_names_used(path) == [], "test it through what uses it, or make it public"


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_file_is_imported_by_another(path):
    here = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            last = node.module.rpartition(".")[2]
            assert not last.startswith("test_"), f"{here}: put what {node.module} shares into a module beside it"


def test_what_uses_private_names_is_found(tmp_path):
    file = tmp_path / "test_x.py"
    file.write_text(
        "from coma_cli.cli import _run, main\nfrom coma_cli import cli\n"
        "cli._root(engine._model, self._own, row._replace(a=1))\n"
        "monkeypatch.setattr('coma_cli.cli._REFUSALS', {})\nmonkeypatch.setattr(cli, '_run', main)\n"
    )
    assert sorted(private_names_used(file)) == ["_run", "_run", "cli._root", "coma_cli.cli._REFUSALS", "engine._model"]
