"""Keeps the programs that failed, so that a user can open what `--explain` names: `failures.jsonl` in the run's folder.

    verdicts (as they are counted)  ->  which failures to keep  ->  their programs  ->  one file, in order of the keys

The file follows from the verdicts and the samples alone, whatever the order in which programs finished, so it is
written again on each request and does not count in a run's content hash. Programs that failed in this process are
remembered; others come from the file of an earlier start, or are extracted again from their samples.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.programs import source_sha256
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.journal import natural_order
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.records import FailedCheck, Problem, Record, Verdict, VerdictName, sample_key

FAILURES = "failures.jsonl"
PROGRAM_MAX = 20_000  # characters of a program that are kept
_ROWS_REMEMBERED = 20_000  # verdicts of failures beyond these are read a second time


class FailureRow(Record):
    """A failed sample with its program; `sample` is the key that `--explain` names."""

    sample: str
    task_id: str
    temperature: float | None
    index: int
    protocol: str
    verdict: VerdictName
    detail: str
    test: str
    call: str
    expected: str
    actual: str
    program_sha256: str
    program_cut: bool
    program: str

    @property
    def key(self) -> str:
        return f"{self.sample}|{self.protocol}"


class FailuresSummary(BaseModel):
    """How many samples failed, and of how many the program was kept in `file`."""

    model_config = ConfigDict(frozen=True)

    file: str
    kept: int
    failed: int


class FailedPrograms:
    """The texts of the first `most` distinct programs that failed, each cut to `PROGRAM_MAX` characters."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts: dict[tuple[str, str], tuple[str, bool]] = {}

    def add(self, task_id: str, sha256: str, source: str) -> None:
        """Remember a program if there is room."""
        if len(self._texts) < self._most:
            self._texts[task_id, sha256] = cut_program(source)

    def recall(self, path: Path) -> None:
        """Take over what an earlier start of the run has written."""
        if self._most and path.exists():
            for row in read_rows(path, lambda corrupt: None):
                place = str(row.get("task_id")), str(row.get("program_sha256"))
                self._texts.setdefault(place, (str(row.get("program", "")), bool(row.get("program_cut"))))

    def find(self, row: Verdict) -> tuple[str, bool] | None:
        """A program's text and whether it is cut; None if it has to be extracted again."""
        return ("", False) if not row.program_sha256 else self._texts.get((row.task_id, row.program_sha256))


class FailedSamples:
    """Which samples fail, by the key of their verdicts; the last verdict of a key counts."""

    def __init__(self) -> None:
        self._rows: dict[str, Verdict | None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def noting(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """The verdicts unchanged, noting the failures among them on the way."""
        for row in verdicts:
            if row.verdict == "pass":
                if self._rows:
                    self._rows.pop(row.key, None)
            else:
                self._rows[row.key] = row if len(self._rows) < _ROWS_REMEMBERED else None
            yield row

    def chosen(self, most: int, verdicts: Callable[[], Iterable[Verdict]]) -> list[Verdict]:
        """At most so many failures in natural order; a problem's second one only after every problem's first one.

        `verdicts` reads them once more, if there were too many to remember.
        """
        keys = choose(self._rows, most)
        if any(self._rows[key] is None for key in keys):
            wanted = set(keys)
            self._rows.update((row.key, row) for row in verdicts() if row.key in wanted)
        return [row for key in keys if (row := self._rows[key]) is not None]


def choose(keys: Iterable[str], most: int) -> list[str]:
    """At most so many keys of verdicts, spread evenly over problems and protocols, in natural order."""
    ordered = sorted(keys, key=natural_order)
    if len(ordered) <= most:
        return ordered
    counts: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, int]] = []
    for place, key in enumerate(ordered):
        task_id, _, _, protocol = key.rsplit("|", 3)
        rank = counts[task_id, protocol] = counts.get((task_id, protocol), 0) + 1
        ranked.append((rank, place))
    return [ordered[place] for place in sorted(place for _, place in sorted(ranked)[:most])]


def write_failures(
    path: Path,
    chosen: Iterable[Verdict],
    programs: FailedPrograms,
    candidates: Callable[[], Iterable[Candidate]],
    problems: Mapping[str, Problem],
) -> frozenset[str]:
    """Write the file, with each program as it was run; the keys of the verdicts in it."""
    rows = list(chosen)
    lacking = {row.key: row for row in rows if programs.find(row) is None}
    again = _extracted(lacking, candidates(), problems) if lacking else {}
    found = [_failure(row, programs.find(row) or again.get(row.key)) for row in rows]
    write_rows(path, (failure.to_row() for failure in found))
    return frozenset(failure.key for failure in found)


def _extracted(
    lacking: Mapping[str, Verdict], candidates: Iterable[Candidate], problems: Mapping[str, Problem]
) -> dict[str, tuple[str, bool]]:
    """The programs of some verdicts, extracted again from their samples."""
    protocols = {row.protocol for row in lacking.values()}
    found: dict[str, tuple[str, bool]] = {}
    for sample in candidates:
        for protocol in protocols:
            row = lacking.get(f"{sample.key}|{protocol}")
            if row is not None:
                source = PROTOCOLS[protocol].extract(problems[row.task_id], sample.text, sample.whole)
                if source_sha256(source) == row.program_sha256:
                    found[row.key] = cut_program(source)
        if len(found) == len(lacking):
            break
    return found


def cut_program(source: str) -> tuple[str, bool]:
    """As much of a program as is kept, and whether that is not all."""
    return source[:PROGRAM_MAX], len(source) > PROGRAM_MAX


def _failure(row: Verdict, program: tuple[str, bool] | None) -> FailureRow:
    check = row.failed_check or FailedCheck()
    text, is_cut = program or ("", False)
    return FailureRow(
        sample=sample_key(row.task_id, row.temperature, row.index),
        task_id=row.task_id,
        temperature=row.temperature,
        index=row.index,
        protocol=row.protocol,
        verdict=row.verdict,
        detail=row.detail,
        test=check.test,
        call=check.call,
        expected=check.expected,
        actual=check.actual,
        program_sha256=row.program_sha256,
        program_cut=is_cut,
        program=text,
    )
