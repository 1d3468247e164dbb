"""docs/extending.md is true: its examples, added to a copy of the package as they stand there, pass their own tests and
go through the whole pipeline.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.requirements import ROOT, package
from tests.tiny_model import make_tiny_model

_SECTION = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(
    r"^```python\n# (?P<file>[\w/.]+\.py)(?:, in (?P<table>\w+))?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_END_OF_TABLE = re.compile(r"^(?:    \},|\}|\))$", re.MULTILINE)
COMMIT = "0" * 40


@dataclass(frozen=True)
class Example:
    """One block of code: a whole file, or what is added to a table of a file that is there."""

    section: str
    file: str
    table: str | None
    code: str

    def apply(self, root: Path) -> None:
        path = root / self.file
        if self.table is None:
            assert not path.exists(), f"{self.file} is no new file"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.code)
            return
        text = path.read_text()
        start = re.search(rf"^{self.table}\b.*=", text, re.MULTILINE)
        end = _END_OF_TABLE.search(text, start.end())
        path.write_text(f"{text[: end.start()]}{self.code}{text[end.start() :]}")


def examples() -> list[Example]:
    text = (ROOT / "docs" / "extending.md").read_text()
    return [
        Example(section["title"], block["file"], block["table"], block["code"])
        for section in _SECTION.finditer(text)
        for block in _BLOCK.finditer(section["text"])
    ]


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A folder with the package and, in it, everything that the page adds."""
    root = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "coma_cli", root / "coma_cli", ignore=shutil.ignore_patterns("__pycache__"))
    for example in examples():
        example.apply(root)
    return root


def python(root: Path, *arguments: str, **environment: str) -> str:
    """Runs Python on the package in a folder; it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_each_addition_is_one_file_one_line_and_one_test():
    added = {
        example.section: [
            [e.file for e in examples() if e.section == example.section and e.table is None and "tests/" not in e.file],
            [e.code.count("\n") for e in examples() if e.section == example.section and e.table is not None],
            [e.file for e in examples() if e.section == example.section and "tests/" in e.file],
        ]
        for example in examples()
    }
    assert {name: [*map(len, parts)] for name, parts in added.items()} == {
        "A source": [1, 1, 1],
        "A drop reason": [0, 1, 0],
        "A task": [1, 1, 1],
        "A benchmark": [1, 1, 1],
        "A base model": [1, 1, 1],
        "A programming language": [0, 1, 1],
        "A stage": [2, 1, 1],
    }
    assert {name for name, (_, lines, _) in added.items() if lines != [1]} == {"A programming language", "A stage"}


@pytest.mark.slow
def test_the_examples_pass_the_tests_that_the_page_shows(extended):
    said = python(extended, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", "tests")
    assert re.search(r"^8 passed", said, re.MULTILINE), said


WHOLE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "constraints.txt")
TESTS_OF_TABLES = "up_to_date or described or terminal or every_package"


@pytest.mark.slow
def test_make_docs_is_all_that_the_documentation_needs(extended, tmp_path):
    """The generated pages name the additions, and the tests of the documentation pass without a hand-written line."""
    root = tmp_path / "checkout"
    shutil.copytree(extended / "coma_cli", root / "coma_cli", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("docs", "configs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests").mkdir()
    for name in (*WHOLE, "tests/__init__.py", "tests/requirements.py", "tests/test_documentation.py"):
        shutil.copy(ROOT / name, root / name)
    said = python(root, "docs/generate.py")
    assert said == "Written: commands.md, data-sources.md, scoring.md\n"
    pages = "".join((root / "docs" / f"{name}.md").read_text() for name in ("commands", "data-sources", "scoring"))
    added = ("## coma count-rows", "`katas`", "test-writing", "| `minikatas` | 3 |", "`tiny-coder`")
    assert [text for text in added if text not in pages] == []
    python(root, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "tests", "-k", TESTS_OF_TABLES)


VERBS = ("count", "sort", "merge", "reverse", "filter", "group", "rotate", "split", "join", "scale")
THINGS = ("words", "bills", "maps", "records")
LEAKED = "def triple(value):\n    doubled = value * 2\n    return sum([doubled, value], start=0)\n"
MINIKATAS = [
    {
        "id": number,
        "text": f"Write a function {name}(value) that returns {text}.",
        "function": name,
        "checks": [f"assert {name}(2) == {result}"],
        "solution": solution,
    }
    for number, name, text, result, solution in (
        (1, "triple", "three times the value", 6, LEAKED),
        (2, "square", "the value times itself", 4, "def square(value):\n    return value * value\n"),
        (3, "negate", "the value below zero", -2, "def negate(value):\n    return -value\n"),
    )
]
LUA = """\
-- Return the sum of all prices above a limit in a cart.
function total(cart, limit)
  local sum = 0
  for _, item in ipairs(cart) do
    if item.price > limit then
      sum = sum + item.price * item.count
    end
  end
  return sum
end
"""
# One process for all commands, so that torch is imported once; what each prints is one line of JSON.
RUN = """
import contextlib, io, json, sys
from coma_cli.cli import main

def run(arguments):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            main([*arguments, "--workspace", "ws", "--json"])
        except SystemExit as end:
            code = end.code
    if code:
        sys.exit(f"{arguments}: {code}")
    print(json.dumps(json.loads(said.getvalue())))

if __name__ == "__main__":  # worker processes import this file too
    for arguments in json.loads(sys.argv[1]):
        run(arguments)
"""


def katas() -> list[dict]:
    rows = [
        {
            "question": f"{verb.capitalize()} the {thing} in a list, as a {verb}er of {thing} would.",
            "solution": f"def {verb}_{thing}({thing}):\n    kept = {verb}er({thing})\n    return kept.{verb}ed()",
            "checks": [f"assert {verb}_{thing}([]) == []"],
        }
        for verb in VERBS
        for thing in THINGS
    ]
    renamed = LEAKED.replace("value", "n").replace("doubled", "d")
    rows += [
        {"question": "Do as you like.", "solution": "pass", "checks": []},
        {"question": "Multiply.", "solution": renamed, "checks": ["assert triple(1) == 3"]},
    ]
    return [{"id": number, **row} for number, row in enumerate(rows)]


def write_lines(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def publish(model: Path, hub_id: str, cache: Path) -> None:
    """Puts a model where the hub's client keeps what it has fetched."""
    folder = cache / "hub" / f"models--{hub_id.replace('/', '--')}"
    shutil.copytree(model, folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)


@pytest.mark.slow
def test_the_additions_go_through_the_whole_pipeline(extended, tmp_path):
    package("torch", "train")
    publish(make_tiny_model(tmp_path / "tiny"), "example/tiny-coder", tmp_path / "hf")
    write_lines(tmp_path / "katas.jsonl", katas())
    write_lines(tmp_path / "minikatas.jsonl", MINIKATAS)
    answers = {row["id"]: row["solution"] for row in MINIKATAS} | {3: "def negate(value):\n    return value\n"}
    write_lines(tmp_path / "answers.jsonl", [{"task_id": f"minikatas/{n}", "solution": a} for n, a in answers.items()])
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "cart.lua").write_text(LUA)
    (tmp_path / "run.py").write_text(RUN)
    commands = (
        "build-data --source katas=katas.jsonl --from-repo code --bench-data minikatas.jsonl --workers 2"
        " --set validation_share=0.4",
        "finetune --base tiny-coder --lora --max-steps 2 --set batch.size=2",
        "sample --bench minikatas --bench-data minikatas.jsonl --model tiny-coder -n 2 --max-new-tokens 8"
        " --temperature 0.8",
        "score --bench minikatas -k 1",
        "score --bench minikatas --bench-data minikatas.jsonl --samples answers.jsonl -k 1",
    )
    arguments = json.dumps([command.split() for command in commands])
    hub = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    said = python(tmp_path, "run.py", arguments, **hub, PYTHONPATH=str(extended))
    data, tuned, sampled, random_score, known_score = map(json.loads, said.splitlines())

    assert set(data["tasks"]) == {"code-generation", "test-writing", "code-summarization", "line-completion"} | {
        "code-repair",
        "defect-detection",
    }
    assert data["tasks"]["test-writing"]["train"] >= 15 and data["rows"]["validation"] > 0
    assert data["languages"]["lua"]["train"] + data["languages"]["lua"]["validation"] >= 3
    assert data["dropped"]["no-checks"] == 1
    assert data["checked_against"]["minikatas"] == 3 and data["contaminated"] == {"minikatas": 2}
    (folder,) = (tmp_path / "ws" / "build-data").iterdir()
    card = (folder / "README.md").read_text()
    assert "| no-checks | 1 | the exercise has nothing to check a solution with |" in card
    assert "### test-writing" in card and "Example, A. (2026). Katas." in card
    assert "Not read" not in card

    assert tuned["steps"] == 2
    assert (sampled["samples"], sampled["problems"]) == (6, 3)
    assert sum(random_score["verdicts"].values()) == 6 and random_score["pass_at_k"]["1"]["value"] == 0
    assert known_score["pass_at_k"]["1"]["value"] == pytest.approx(2 / 3)
