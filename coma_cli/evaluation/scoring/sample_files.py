"""Reads completions in the forms that people have, as one stream of candidates.

    coma sample        {"task_id", "temperature", "index", "completion", ...}
    human-eval         {"task_id", "completion"}          CodeCapybara's files repeat the prompt in it
    EvalPlus           {"task_id", "solution"}            a whole program
    CodeCapybara MBPP  {"task_id", "trg_prediction"}
    lm-eval            {"doc": {"task_id"}, "resps": [[completion, ...]], ...}
    bigcode            [[program, ...], ...]              one list per problem of the benchmark, in its order
    by task            {"HumanEval/53": [completion, ...], ...}
    EvalPlus folders   HumanEval_53/0.py                  a whole program per file

Files may be of any form of a file of rows, one or several, or a folder of them. A completion may be a list of several.
A row of a known problem without a completion is a failed sample: it stays in the denominator. Rows that name no problem
are counted and skipped.
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
from coma_cli.words import count_of, shown

SAMPLE_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
RESULT_SUFFIXES = ("_results.jsonl", "_results.jsonl.gz", "_eval_results.json")  # what other scorers leave beside
TEXT_FIELDS = ("completion", "solution", "trg_prediction")
_HOTTEST = 1e6
_BARE = re.compile(r"\d{1,9}", re.ASCII)
_TASK_ID = re.compile(r"(?:(?P<prefix>[A-Za-z]+)\+?[/_\- ])?(?P<number>\d+)(?:_\w*)?")


@dataclass
class Skipped:
    """What was in the files and can't be scored: broken rows, rows without a task id, rows of no known problem.

    Also which task ids were bare numbers, which may be those of another benchmark.
    """

    corrupt: list[BadRow] = field(default_factory=list)
    without_task: list[str] = field(default_factory=list)
    unknown_tasks: Counter[str] = field(default_factory=Counter)
    bare_numbers: set[int] = field(default_factory=set)  # task ids without a benchmark's name, scored or not

    def counts(self) -> dict[str, int]:
        """How many rows of each kind."""
        return {
            "corrupt_lines": len(self.corrupt),
            "rows_without_task_id": len(self.without_task),
            "unknown_task_ids": sum(self.unknown_tasks.values()),
        }

    def messages(self) -> Iterator[str]:
        """A line for each kind, with the first ones named."""
        if self.corrupt:
            rows = count_of(len(self.corrupt), "broken row is", "broken rows are")
            yield f"{rows} skipped, the first: {self.corrupt[0]}"
        if self.without_task:
            rows = count_of(len(self.without_task), "row without a task id is", "rows without a task id are")
            yield f"{rows} skipped, the first: {self.without_task[0]}"
        if self.unknown_tasks:
            names = ", ".join(map(shown, sorted(self.unknown_tasks)[:5]))
            rows = count_of(self.unknown_tasks.total(), "row is", "rows are")
            yield f"{rows} skipped, with task ids that are not in this benchmark ({names})"


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
    if next(_program_files(path), None) is not None:
        return (path,)
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
    next_index: Counter[tuple[str, float | None]] = Counter()
    seen: set[str] = set()
    for path in paths:
        for origin, row in _rows(path, problems, ids, skipped):
            named = row.get("task_id")
            task_id = ids.find(named)
            if _BARE.fullmatch(number := str(named)):
                skipped.bare_numbers.add(int(number))
            if task_id is None:
                if named is None:
                    skipped.without_task.append(origin)
                else:
                    skipped.unknown_tasks[str(named)] += 1
                continue
            temperature = _temperature(row.get("temperature"))
            texts, whole = _texts_of(row)
            for text in texts:
                index = _own_index(row) if len(texts) == 1 else None
                if index is None:
                    index = next_index[task_id, temperature]
                    next_index[task_id, temperature] += 1
                finish = str(row.get("finish_reason", ""))
                missing = _why_missing(text, finish, row)
                candidate = Candidate(task_id, temperature, index, text or "", whole, finish, missing)
                if candidate.key in seen:
                    raise _repeated_key(candidate.key, origin)
                seen.add(candidate.key)
                yield candidate


def _why_missing(text: str | None, finish_reason: str, row: Mapping[str, Any]) -> str:
    """Why a row has no completion; "" if it has one, be it an empty one."""
    if finish_reason == "error":
        return f"generating it failed: {row.get('error') or 'no reason given'}"
    return "" if text is not None else f"none of {', '.join(TEXT_FIELDS)} is a string"


def _own_index(row: Mapping[str, Any]) -> int | None:
    """A sample's number, from rows of our own form only: elsewhere `index` may count problems."""
    index = row.get("index") if "temperature" in row else None
    if isinstance(index, str) and re.fullmatch(r"\d{1,9}", index, re.ASCII):  # from a file without types
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _repeated_key(key: str, origin: str) -> UsageError:
    return UsageError(
        f"{origin} is the sample {shown(key)}, which is a duplicate.",
        "Score these files apart, or remove `index` from their rows to have them numbered.",
    )


def read_run_candidates(samples: Path, skipped: Skipped) -> Iterator[Candidate]:
    """Yield the samples of a finished sample run, each under its own key."""
    for number, row in good_rows(DataFile(samples), skipped.corrupt.append):
        sample = Sample.from_row(row, f"{samples}:{number}")
        missing = f"generating it failed: {sample.error or 'no reason given'}" if sample.failed else ""
        yield Candidate(
            sample.task_id, sample.temperature, sample.index, sample.completion, False, sample.finish_reason, missing
        )


def _texts_of(row: Mapping[str, Any]) -> tuple[list[str | None], bool]:
    """The completions of a row, None for one that is missing; and whether they are whole programs."""
    for name in TEXT_FIELDS:
        value = row.get(name)
        if isinstance(value, str):
            return [value], name == "solution"
        if isinstance(value, list) and value:
            return [text if isinstance(text, str) else None for text in value], name == "solution"
    return [None], False


def _temperature(value: Any) -> float | None:
    """The temperature of a row; None if it states none that is usable."""
    if isinstance(value, str):  # from a file without types
        try:
            value = float(value)
        except ValueError:
            return None
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _HOTTEST
    return float(value) if usable else None


def _rows(
    path: Path, problems: Sequence[Problem], ids: TaskIds, skipped: Skipped
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows with their place. A list in an array holds the programs of one problem, in the benchmark's order."""
    if path.is_dir():
        for file in _program_files(path):
            text = file.read_text(encoding="utf-8", errors="replace")
            yield str(file), {"task_id": file.parent.name, "solution": text}
        return
    lists = 0
    for entry in read_values(one_file(path)):
        if isinstance(entry, BadRow):
            skipped.corrupt.append(entry)
            continue
        number, value = entry
        if isinstance(value, dict):
            yield from ((f"{path}, row {number}", row) for row in _known_forms(value, ids))
        elif isinstance(value, list):
            if not lists:
                _require_all_problems(path, len(problems))
            lists += 1
            yield f"{path}, list {number}", {"task_id": problems[lists - 1].task_id, "solution": value or [None]}
        else:
            reason = f"a JSON {type(value).__name__}, not a list or object"
            skipped.corrupt.append(BadRow(DataFile(path), number, reason))


def _known_forms(row: Mapping[str, Any], ids: TaskIds) -> Iterator[Mapping[str, Any]]:
    """A row as it is; one of lm-eval, or an object of completions by task id, as rows of the usual form."""
    doc, answers = row.get("doc"), row.get("resps")
    if isinstance(doc, dict) and isinstance(answers, list):
        flat = [text for answer in answers for text in (answer if isinstance(answer, list) else [answer])]
        yield {"task_id": doc.get("task_id"), "completion": flat}
    elif "task_id" not in row and row and all(ids.find(name) is not None for name in row):
        yield from ({"task_id": name, "completion": texts} for name, texts in row.items())
    else:
        yield row


def _require_all_problems(path: Path, problems: int) -> None:
    """Lists have no task ids, so there has to be one for each problem."""
    entries = read_values(one_file(path))
    lists = sum(not isinstance(entry, BadRow) and isinstance(entry[1], list) for entry in entries)
    if lists != problems:
        raise UsageError(
            f"{path} has {lists} lists without task ids, the benchmark {problems} problems.",
            'Check --bench, or give rows with task ids: {"task_id": ..., "completion": ...}.',
        )


def _program_files(folder: Path) -> Iterator[Path]:
    """The programs of a folder that holds one folder per problem, in order."""
    for task in sorted(folder.iterdir()):
        if task.is_dir() and _TASK_ID.fullmatch(task.name):
            yield from sorted(task.glob("*.py"), key=lambda file: (len(file.name), file.name))
