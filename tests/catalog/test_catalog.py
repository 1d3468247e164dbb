"""The tables of all rooms of the catalogue: what they load, and that each line leads to its entry; no one module."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from coma_cli.catalog import Catalogue, canonical, lookup
from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.catalog.bases.entry import Base
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.tasks import TASKS
from coma_cli.errors import UsageError
from tests.requirements import ROOT
from tests.support.modules import MODULES, imports_of

HEAVY = ("tree_sitter", "tree_sitter_language_pack", "pyarrow", "numpy", "scipy", "torch", "transformers")
HEAVY += ("huggingface_hub", "openai", "ray", "py7zr", "matplotlib")
# The modules of coma that a room's table loads; an entry is not among them.
ROOMS = {"bases": 6, "benchmarks": 12, "licences.kinds": 6, "mixtures": 8, "sources": 21, "tasks": 16}
RECORD_TYPES = {"material", "bases.entry", "benchmarks.entry", "benchmarks.protocols", "mixtures.mixture"}
RECORD_TYPES |= {"sources.source", "tasks.task"}
TABLES = {"", "bases", "benchmarks", "mixtures", "sources", "tasks"}
BY_OPTION = {"sources.repository.repository", "sources.stackoverflow.stackexchange"}  # --from-repo, --stackexchange
LICENCES = {"licences.detection", "licences.hub_names", "licences.kinds"}
# What score asks about all benchmarks: whether a file is the published one or a user's own, and what
# their tests accept.
BENCHMARK_FACTS = {"benchmarks.published_content", "benchmarks.evalplus_check", "benchmarks.own_names"}
CATALOGUES = {"sources": SOURCES, "tasks": TASKS, "benchmarks": BENCHMARKS, "bases": BASES, "mixtures": MIXTURES}


def loaded_by(code: str) -> set[str]:
    """The modules that are there after some code has run in a process of its own."""
    code += "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


def of_coma(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "coma_cli"}


@pytest.mark.parametrize(("room", "most"), ROOMS.items())
def test_a_room_of_the_catalogue_loads_little(room, most):
    loaded = loaded_by(f"import coma_cli.catalog.{room}")
    assert not loaded & set(HEAVY)
    assert len(of_coma(loaded)) <= most, sorted(of_coma(loaded))


def test_one_entry_does_not_load_the_others():
    code = "from coma_cli.catalog.sources import SOURCES\nassert len(list(SOURCES)) > 10\nSOURCES['mbpp']"
    entries = {name for name in of_coma(loaded_by(code)) if name.startswith("coma_cli.catalog.sources.")}
    assert entries == {"coma_cli.catalog.sources.mbpp", "coma_cli.catalog.sources.source"}


def test_no_file_of_the_catalogue_loads_what_only_its_readers_need():
    paths = (ROOT / "coma_cli" / "catalog").rglob("*.py")
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    assert len(names) > 60
    loaded = loaded_by("".join(f"import {name}\n" for name in names))
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_line_of_a_table_leads_to_the_entry_of_its_name(name):
    entries = CATALOGUES[name]
    assert [entry.name for entry in entries.values()] == list(entries)
    assert len(entries) == len(list(entries)) == len(set(entries))


def test_nothing_outside_the_catalogue_imports_an_entry_or_what_serves_entries_only():
    """So a new entry needs no line elsewhere, and machinery that others use stands in a room of its own."""
    package = "coma_cli.catalog"
    public = {
        f"{package}.{name}".rstrip(".") for name in RECORD_TYPES | TABLES | BY_OPTION | LICENCES | BENCHMARK_FACTS
    }
    assert public <= MODULES.keys()
    own = {name for name in MODULES if name.split(".")[:2] == package.split(".")}
    used = {target for name in MODULES.keys() - own for target in imports_of(MODULES[name]) if target in own}
    assert len(own - public) > 40
    assert used <= public


def test_the_default_base_is_in_the_catalogue():
    assert DEFAULT_BASE in BASES


def bases(**table: str) -> Catalogue[Base]:
    return Catalogue(Base, "coma_cli.catalog.bases", {name.replace("_", "-"): place for name, place in table.items()})


def test_an_entry_is_loaded_once_and_kept():
    table = bases(llama_7b="llama_7b:BASE")
    assert table["llama-7b"] is table["llama-7b"] is BASES["llama-7b"]
    assert (list(table), "llama-7b" in table, "qwen-7b" in table, table.get("qwen-7b")) == (
        ["llama-7b"],
        True,
        False,
        None,
    )


@pytest.mark.parametrize("place", ["llama_7b:MISSING", "llama_7b:LLAMA_LINEAR_LAYERS", "qwen_7b:BASE", "llama_7b"])
def test_a_line_that_leads_to_something_else_is_an_error_that_names_it(place):
    with pytest.raises(TypeError, match=f"^coma_cli.catalog.bases: {place} is not a Base named 'llama-7b'.$"):
        bases(llama_7b=place)["llama-7b"]


def test_a_line_to_a_file_that_is_not_there_is_an_error_that_names_it():
    with pytest.raises(ModuleNotFoundError, match="no_such_file"):
        bases(llama_7b="no_such_file:BASE")["llama-7b"]


@dataclass(frozen=True)
class Shape:
    name: str


def test_entries_can_be_added_and_taken_away_as_objects_or_places(monkeypatch):
    table = bases(llama_7b="llama_7b:BASE")
    with monkeypatch.context() as patch:
        patch.setitem(table, "round", Shape("round"))
        patch.setitem(table, "qwen-7b", "qwen_7b:BASE")
        assert (list(table), table["round"].name) == (["llama-7b", "round", "qwen-7b"], "round")
        assert table["qwen-7b"] is BASES["qwen-7b"]
    assert list(table) == ["llama-7b"]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match=r"Unknown task 'code-serch'. Did you mean code-search?"):
        lookup("task", "code-serch", TASKS)


@pytest.mark.parametrize("name", CATALOGUES)
def test_names_are_known_in_any_case(name):
    entries = CATALOGUES[name]
    for known in entries:
        assert canonical(known.upper(), entries) == canonical(known, entries) == known
    assert canonical("Nothing", entries) == "Nothing"
    assert lookup("entry", next(iter(entries)).title(), entries) is entries[next(iter(entries))]
