"""One reader for all commands: a file of rows gives the same rows everywhere, whatever its form.

It mirrors no module: each command that reads files of rows is held against every form, by the functions that its plan
calls; a few whole commands follow.
"""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.reference_files import reference_rows
from coma_cli.dataset.against import named_problems
from coma_cli.dataset.locating import locate
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.errors import CliError
from coma_cli.evaluation.scoring.sample_choice import choose_samples
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.formats.rejected import Rejected
from coma_cli.instructions.pending import choose_requests
from coma_cli.instructions.seed_choice import choose_seeds
from coma_cli.instructions.seeds import find_seed_code
from coma_cli.settings import load_settings
from coma_cli.training.examples import ReadReport, choose_data, read_examples
from coma_cli.workspace import Workspace
from tests.formats.written import BLANK_LINES, BOM, FORMS, Rows, array, lines, objects, parquet, zipped

PROMPT = 'def add_{n}(x: int) -> int:\r\n    """Add {n}, "whatever"; 中\n\n    >>> add_{n}(1)\n    """\n'
BODY = "    return x + {n}\n"
CHECK = "def check(candidate):\n    assert candidate(1) == 1 + {n}\n"


def filled(row: dict[str, str]) -> Rows:
    return [{name: text.replace("{n}", str(n)) for name, text in row.items()} for n in range(3)]


ALPACA = filled({"instruction": "Add {n} to a number.", "input": "", "output": PROMPT + BODY})
ALPACA[1]["input"] = "7"


def built(path: Path, workspace: Workspace) -> list[Any]:
    """What build-data reads as its source CodeAlpaca."""
    settings = load_settings(BuildDataSettings, flags={"source": {"codealpaca": str(path)}})
    (found,) = locate(settings, ("code-generation",), workspace).located
    entries = [entry for unit in found.units for entry in found.source.read(unit.shard)]
    return [entry if isinstance(entry, Rejected) else replace(entry, origin=entry.origin.row) for entry in entries]


def written_by_coma(path: Path, workspace: Workspace) -> list[Any]:
    settings = load_settings(BuildDataSettings, flags={"with_generated": [str(path)]})
    (found,) = locate(settings, ("code-generation",), workspace).located
    assert found.source.read_rows is not None
    entries = [entry for unit in found.units for entry in found.source.read_rows(unit.shard)]
    return [
        entry if isinstance(entry, Rejected) else (entry.id, entry.instruction, entry.input, entry.output)
        for entry in entries
    ]


def trained_on(path: Path, workspace: Workspace) -> list[Any]:
    report = ReadReport()
    rows = list(read_examples(choose_data(workspace, [path]), report))
    return [*((row.id, row.instruction, row.input, row.output) for row in rows), *map(str, report.corrupt)]


def scored(path: Path, workspace: Workspace) -> list[Any]:
    skipped = Skipped()
    candidates = choose_samples(workspace, "humaneval", [str(path)], None).candidates(skipped)
    return [*candidates, *map(str, skipped.corrupt)]


def seed_code(path: Path, workspace: Workspace) -> list[Any]:
    source = find_seed_code(path, "python", workspace)
    seeds, tally = choose_seeds(source, num=9, run_seed=0, max_chars=6000, languages=None, licence="unknown")
    found = sorted((seed.origin.row, seed.language, seed.code, seed.licence) for seed in seeds)
    return [*found, *map(str, tally.corrupt)]


def requested(path: Path, workspace: Workspace) -> list[Any]:
    return list(choose_requests(str(path), workspace, num=9, max_chars=6000, languages=None).chosen)


# What reads files of rows: a name, the rows of a file for it, and how it reads them.
READERS: dict[str, tuple[Rows, Callable[[Path, Workspace], list[Any]]]] = {
    "build-data --source": (ALPACA, built),
    "build-data --with-generated": (
        filled(
            {
                "id": "row-{n}",
                "task": "code-generation",
                "source": "s",
                "language": "python",
                "instruction": "Add {n} to a number.",
                "output": BODY,
                "licence": "MIT",
            }
        ),
        written_by_coma,
    ),
    "--bench-data": (
        filled(
            {
                "task_id": "HumanEval/{n}",
                "prompt": PROMPT,
                "entry_point": "add_{n}",
                "canonical_solution": BODY,
                "test": CHECK,
            }
        ),
        lambda path, workspace: list(BENCHMARKS["humaneval"].load(path).problems),
    ),
    "--decontaminate-against": (
        ALPACA,
        lambda path, workspace: [problem.model_copy(update={"bench": ""}) for problem in named_problems(path).problems],
    ),
    "--dedup-against": (
        ALPACA,
        lambda path, workspace: [
            row.model_copy(update={"id": "", "source": "", "origin": row.origin.row}) for row in reference_rows(path)
        ],
    ),
    "score --samples": (filled({"task_id": "HumanEval/{n}", "completion": BODY}), scored),
    "score --samples of our own": (
        filled({"task_id": "HumanEval/2", "completion": BODY, "index": "{n}", "temperature": "0.{n}"}),
        scored,
    ),
    "finetune --data": (ALPACA, trained_on),
    "gen-instructions --seed-code": (filled({"id": "{n}", "code": PROMPT + BODY, "licence": "MIT"}), seed_code),
    "gen-instructions --pending": (
        filled(
            {
                "id": "{n}",
                "task": "code-generation",
                "source": "s",
                "language": "python",
                "subset": "c",
                "text_language": "cn",
                "asks_for": "instruction",
                "english": "Add {n} to a number.",
                "output": BODY,
                "licence": "MIT",
            }
        ),
        requested,
    ),
}


def read(name: str, tmp_path: Path, content: bytes, file: str = "rows.json") -> list[Any]:
    path = tmp_path / file
    path.write_bytes(content)
    return READERS[name][1](path, Workspace(tmp_path / "w"))


@pytest.mark.parametrize("name", READERS)
def test_every_form_gives_the_same_rows_to_every_command(tmp_path, name):
    rows = READERS[name][0]
    wanted = read(name, tmp_path, lines(rows))
    assert len(wanted) >= len(rows)
    for form, (write, _) in FORMS.items():
        assert read(name, tmp_path, write(rows)) == wanted, form


REFUSED_LATER = ("score --samples", "score --samples of our own", "gen-instructions --seed-code")  # by their plans
EMPTY = {"nothing": b"", "blank lines": BLANK_LINES, "empty array": BOM + b"[]", "empty gzip": gzip.compress(b"")}


@pytest.mark.parametrize("form", EMPTY)
@pytest.mark.parametrize("name", [name for name in READERS if name not in REFUSED_LATER])
def test_a_file_without_rows_is_an_error_that_names_it(tmp_path, name, form):
    assert_one_error(name, tmp_path, EMPTY[form])


def assert_one_error(name: str, tmp_path: Path, content: bytes, *words: str) -> None:
    with pytest.raises(CliError) as error:
        read(name, tmp_path, content)
    said = error.value.message
    assert error.value.exit_code == 3 and error.value.hint, said
    assert all(word in said for word in ("rows.json", *words)) and "\n" not in said, said


DAMAGES: dict[str, tuple[Callable[[Rows], bytes], tuple[str, ...]]] = {
    "gzip cut short": (lambda rows: gzip.compress(lines(rows * 40))[:-20], ("broken gzip",)),
    "gzip array cut short": (lambda rows: gzip.compress(array(rows * 40))[:-20], ("broken gzip",)),
    "zip cut short": (lambda rows: zipped(lines(rows * 40))[:-20], ("broken zip",)),
    "Parquet cut short": (lambda rows: parquet(rows)[:-20], ("broken Parquet",)),
    "Parquet, its beginning only": (lambda rows: parquet(rows)[:20], ("broken Parquet",)),
    "array cut short": (lambda rows: array(rows)[:-20], ("not a whole JSON array",)),
    "array not closed": (lambda rows: array(rows, 1)[:-1], ("not a whole JSON array", "not closed")),
    "objects cut short": (lambda rows: objects(rows)[:-20], ("ends within a value (line ",)),
    "UTF-16": (lambda rows: lines(rows).decode().encode("utf-16"), ("is UTF-16",)),
    "UTF-16 array": (lambda rows: array(rows).decode().encode("utf-16-le"), ("is UTF-16",)),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_broken_as_a_whole_is_one_error_with_a_hint(tmp_path, name, damage):
    write, words = DAMAGES[damage]
    assert_one_error(name, tmp_path, write(READERS[name][0]), *words)


def torn(rows: Rows) -> bytes:
    first, *others = lines(rows).splitlines(keepends=True)
    return b"\n".join([first, first[: len(first) // 2], b"[1]", b"7", *others])


def with_no_objects(rows: Rows) -> bytes:
    return json.dumps([rows[0], 7, None, "x", *rows[1:]]).encode()


STRICT = ("--bench-data", "--decontaminate-against", "--dedup-against", "gen-instructions --pending")


@pytest.mark.parametrize("write", [torn, with_no_objects])
@pytest.mark.parametrize("name", STRICT)
def test_where_every_row_is_needed_a_bad_one_is_an_error_with_its_place(tmp_path, name, write):
    words = ("rows.json:3: not valid JSON",) if write is torn else ("rows.json, row 2: a JSON int, not an object",)
    assert_one_error(name, tmp_path, write(READERS[name][0]), *words)


@pytest.mark.parametrize("write", [torn, with_no_objects])
@pytest.mark.parametrize("name", [name for name in READERS if name not in STRICT])
def test_elsewhere_bad_rows_are_named_and_the_others_read(tmp_path, name, write):
    rows = READERS[name][0]
    found = read(name, tmp_path, write(rows))
    rejected = [entry.detail if isinstance(entry, Rejected) else entry for entry in found]
    bad = [entry for entry in rejected if isinstance(entry, str)]
    assert len(found) - len(bad) == len(read(name, tmp_path, lines(rows))) and len(bad) == 3
    place = "rows.json:3: not valid JSON" if write is torn else "a JSON int"
    assert place in bad[0]


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_one_error_with_a_hint(tmp_path, name):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "nowhere.json"):
        with pytest.raises(CliError) as error:
            READERS[name][1](path, Workspace(tmp_path / "w"))
        assert str(path) in error.value.message and error.value.hint and error.value.exit_code in (2, 3)


def test_an_input_of_nan_is_none_and_zero_is_one_for_every_command(tmp_path):
    inputs = [float("nan"), None, "", "nan", 0, 7.0, 0.5, "x = 3", False]
    rows = [{"instruction": f"Add {n}.", "input": given, "output": BODY} for n, given in enumerate(inputs)]
    wanted = ["", "", "", "nan", "0", "7", "0.5", "x = 3", ""]
    assert [entry.input for entry in read("build-data --source", tmp_path, lines(rows))] == wanted
    assert [entry[2] for entry in read("finetune --data", tmp_path, array(rows))] == wanted
    references = read("--dedup-against", tmp_path, objects(rows))
    assert [row.input for row in references if row.instruction.startswith("Add")] == wanted


def test_an_input_with_gaps_is_the_same_from_a_data_frame(tmp_path):
    column = [0.0, float("nan"), 7.0]  # integers with a gap, as a data frame holds them
    rows = [{"instruction": f"Add {n}.", "input": given, "output": BODY} for n, given in enumerate(column)]
    texts = [f"Add.\t0\tx = 1\nAdd.\t{gap}\tx = 1\nAdd.\t7\tx = 1\n" for gap in ("NaN", "", "nan")]
    for content in (parquet(rows), *(f"instruction\tinput\toutput\n{text}".encode() for text in texts)):
        assert [entry.input for entry in read("build-data --source", tmp_path, content)] == ["0", "", "7"]
        assert [entry[2] for entry in read("finetune --data", tmp_path, content)] == ["0", "", "7"]


def test_lists_of_programs_are_samples_in_every_form_of_an_array(tmp_path):
    programs = [["a", "b"], ["c\n"], *([f"p{n}"] for n in range(2, 164))]
    wanted = read("score --samples", tmp_path, json.dumps(programs).encode())
    assert [(c.task_id, c.index, c.text, c.whole) for c in wanted[:4]] == [
        ("HumanEval/0", 0, "a", True),
        ("HumanEval/0", 1, "b", True),
        ("HumanEval/1", 0, "c\n", True),
        ("HumanEval/2", 0, "p2", True),
    ]
    content = BOM + BLANK_LINES + json.dumps(programs, indent=1).encode()
    for packed in (content, gzip.compress(content), zipped(content)):
        assert read("score --samples", tmp_path, packed) == wanted


def coma(folder: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "coma_cli", *arguments, "-w", str(folder / "w")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_score_takes_an_array_with_a_mark_behind_blank_lines_in_an_archive(tmp_path):
    rows = [{"task_id": "HumanEval/53", "completion": "    return x + y\n"}]
    (tmp_path / "samples.zip").write_bytes(zipped(BOM + BLANK_LINES + array(rows)))
    code, out, said = coma(tmp_path, "score", "--bench", "humaneval", "--samples", "samples.zip", "-k", "1", "--json")
    assert code == 0, said
    assert json.loads(out)["verdicts"]["pass"] == 1


def test_build_data_and_finetune_say_what_they_read(tmp_path, tiny_model):
    (tmp_path / "rows").write_bytes(gzip.compress(BOM + array(ALPACA)))
    arguments = ("--source", "codealpaca=rows", "--dedup-against", "bad", "--decontaminate", "off")
    (tmp_path / "bad").write_bytes(lines(ALPACA) + b"{")
    code, _, said = coma(tmp_path, "build-data", "--tasks", "code-generation", *arguments)
    assert (code, said.count("Error: "), said.count("Hint: ")) == (3, 1, 1)
    assert "bad:4: not valid JSON" in said
    code, out, said = coma(tmp_path, "finetune", "--base", str(tiny_model), "--data", "rows", "--dry-run", "--json")
    assert "on 3 rows of rows (JSON array, gzip, with a byte order mark)." in said
    assert json.loads(out)["estimate"]["rows"] == 3
