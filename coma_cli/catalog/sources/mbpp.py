"""MBPP, the train split: 374 small Python problems with three assertions each. The test split is never a source."""

import re
from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Exercise, Material
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below, text_of
from coma_cli.formats.text import unix_lines
from coma_cli.jsonl import JsonRow
from coma_cli.languages import same_python
from coma_cli.records import Origin
from coma_cli.syntax.answers import fault_of_answer

LICENCE = "CC-BY-4.0"
# Source: Austin et al. (2021), Program Synthesis with Large Language Models, appendix A.1: ids 601 to 974 for training.
TRAIN_IDS = range(601, 975)
COLUMNS = ("task_id", "code", "test_list")
REPOSITORY, REVISION = "google-research-datasets/mbpp", "4bb6404fdc6cacfda99d4ac4205087b89d32030c"


def find(place: Path) -> list[Shard]:
    """The full set; on the Hub the configuration `full` (the sanitized rows repeat its problems)."""
    return shards_below(place, ["mbpp.jsonl", "mbpp.jsonl.gz", "full/train-*.parquet"], LICENCE)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The problems of the train split, chosen by `task_id`, since the file has no column for it."""
    for entry in read_table(shard, COLUMNS):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        task_id = _task_id(row)
        if task_id is not None and task_id not in TRAIN_IDS:
            continue
        origin = Origin(path=shard.name, row=str(number) if task_id is None else f"task_id {task_id}", split="train")
        exercise = None if task_id is None else _exercise(row, shard, origin)
        if exercise is None:
            yield Rejected("broken-row", "task_id, text, code or test_list has the wrong type", origin, row)
            continue
        fault = fault_of_answer("python", exercise.statement, "\n".join(exercise.tests), exercise.solution)
        yield exercise if fault is None else Rejected(*fault, origin, row)


def _task_id(row: JsonRow) -> int | None:
    digits = re.fullmatch(r"(?:Mbpp/)?(\d+)", str(row["task_id"]))
    return int(digits.group(1)) if digits else None


def _exercise(row: JsonRow, shard: Shard, origin: Origin) -> Exercise | None:
    statement = text_of(row, "text") or text_of(row, "prompt")
    code, tests, setup = text_of(row, "code"), row["test_list"], text_of(row, "test_setup_code") or ""
    if statement is None or code is None or not isinstance(tests, list) or not all(isinstance(t, str) for t in tests):
        return None
    solution = f"{setup.strip()}\n\n{code}" if setup.strip() else code
    checks = tuple(unix_lines(test).strip() for test in tests)
    return Exercise("python", statement.strip(), checks, tidy(solution), licence=shard.licence, origin=origin)


def tidy(code: str) -> str:
    """Code with tabs as four spaces and no trailing whitespace, where that does not change the program."""
    for width in (4, 8):  # Python counts a tab as eight where tabs and spaces are mixed
        neat = "\n".join(line.rstrip() for line in code.expandtabs(width).split("\n")).strip("\n")
        if same_python(code, neat):
            return neat
    return code


SOURCE = Source(
    name="mbpp",
    folder="mbpp",
    url="https://github.com/google-research/google-research/tree/master/mbpp",
    licence=LICENCE,
    citation="Austin, J. et al. (2021). Program Synthesis with Large Language Models. arXiv:2108.07732.",
    splits="train (task_id 601-974)",
    gives=(Exercise,),
    find=find,
    read=read,
    bytes_per_row=1500,
    locations=(HubForm(REPOSITORY, REVISION, ("full/train-*.parquet",), 250_000),),
    rows=374,
)
