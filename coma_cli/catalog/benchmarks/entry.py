"""The type of a catalogue entry for a benchmark: where it is published, how it is read, what a program may use.

A benchmark turns its own rows into `Problem` records, the only form that sampling, scoring and decontamination see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from coma_cli.catalog.benchmarks.protocols import CODEX_STOPS, SamplingProtocol, common_protocols
from coma_cli.errors import MissingInputError, unknown_name
from coma_cli.jsonl import sha256_of
from coma_cli.records import Problem


class NoProblemsError(MissingInputError):
    """A file in a benchmark's form without one of its problems: one of its training rows, say."""


@dataclass(frozen=True)
class RawBenchmark:
    """A benchmark's rows as published, and where they were read from."""

    rows: tuple[Mapping[str, Any], ...]
    source: str


@dataclass(frozen=True)
class LoadedBenchmark:
    """A benchmark's problems in published order; `content_sha256` covers all of them."""

    name: str
    problems: tuple[Problem, ...]
    source: str
    content_sha256: str


@dataclass(frozen=True)
class Overlap:
    """Problems that a benchmark shares with rows of a source: the source's name, and a sentence for a warning."""

    source: str
    words: str


@dataclass(frozen=True)
class HubTask:
    """A benchmark on the Hugging Face Hub, as results name it: the id of its data set, and the task within that."""

    dataset: str
    task: str


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the catalogue.

    `files` are globs of its published files, by which a folder is recognized; `folder` is its path below `--sources
    DIR`. `comes_from` is the default location of its rows: an installed package, the Hugging Face Hub, GitHub, or none.
    `read` returns the rows from the given file or folder, or from the default location; without it, the rows of the
    given file are used unchanged. `problem` turns a row into a record, or into None for a row of another split.

    A program of it may use `cpu_limit_s` seconds of CPU time, unless a problem says otherwise, and `memory_mb` MiB.
    `inproc` lists the problems whose tests have to run in the program's own process, with the reason; a row can also
    say so itself, by the fields `mode` (`split` or `inproc`) and `mode_reason`.

    `size` is the number of problems of the whole benchmark; `id_prefix` is the prefix of task ids in other tools'
    files, ignoring case. `same_problems_as` names a benchmark with the same problems and fewer tests; `overlap` names
    the source of training rows that shares problems with it. `notes` say, by task id, why a right verdict may differ
    from a published one. `protocols` are the ways to sample it. `data_hint` says what to do about data that
    can't be read. `on_hub` is its data set on the Hugging Face Hub with exactly these problems.
    """

    name: str
    size: int
    cpu_limit_s: float
    id_prefix: str
    url: str
    licence: str
    paper: str
    files: tuple[str, ...]
    folder: str
    problem: Callable[[Mapping[str, Any]], Problem | None]
    read: Callable[[Path | None], RawBenchmark] | None = None
    comes_from: Literal["package", "hub", "github", "nowhere"] = "nowhere"
    revision: str = ""
    same_problems_as: str = ""
    overlap: Overlap | None = None
    memory_mb: int = 1024
    notes: Mapping[str, str] = field(default_factory=dict, hash=False)
    inproc: Mapping[str, str] = field(default_factory=dict, hash=False)
    data_hint: str = ""
    on_hub: HubTask | None = None
    protocols: tuple[SamplingProtocol, ...] = field(default=common_protocols(CODEX_STOPS), hash=False)

    def sampling_protocol(self, name: str) -> SamplingProtocol:
        """The protocol of that name; `auto` has the model decide between `completion` and `instruct`, if it has both.

        Raises:
            UsageError: this benchmark has none of that name.
        """
        by_name = {protocol.name: protocol for protocol in self.protocols}
        if name == "auto":
            completion, instruct = by_name.get("completion"), by_name["instruct"]
            if completion is None:
                return instruct
            return SamplingProtocol(
                "auto",
                "the prompt that fits the model",
                completion.continuation,
                instruct.instruction,
                stops=completion.stops,
            )
        if name not in by_name:
            raise unknown_name(f"protocol of {self.name}", name, ["auto", *by_name])
        return by_name[name]

    def load(self, bench_data: Path | None = None) -> LoadedBenchmark:
        """Read the problems, from `bench_data` if given.

        Raises:
            MissingInputError: the data is missing or unreadable, a row lacks a field, there are no problems, or two
                different ones have the same id.
        """
        return self._loaded(self._read(bench_data))

    def load_all(self, places: Sequence[Path]) -> LoadedBenchmark:
        """Read the problems of several files or folders as one benchmark.

        Raises:
            MissingInputError: as for one of them.
        """
        parts = [self._read(place) for place in places]
        rows = tuple(row for part in parts for row in part.rows)
        return self._loaded(RawBenchmark(rows, " and ".join(part.source for part in parts)))

    def _read(self, bench_data: Path | None) -> RawBenchmark:
        return self._read_files(bench_data) if self.read is None else self.read(bench_data)

    def _loaded(self, raw: RawBenchmark) -> LoadedBenchmark:
        problems: dict[str, Problem] = {}
        for number, row in enumerate(raw.rows, start=1):
            problem = self._problem_of(row, f"{raw.source}, row {number}")
            if problem is None:
                continue
            if problems.setdefault(problem.task_id, problem) != problem:
                raise MissingInputError(
                    f"{raw.source} has two different problems with the id {problem.task_id[:80]!r}.",
                    "Give each problem an id of its own.",
                )
        if not problems:
            raise NoProblemsError(
                f"{raw.source} contains no problem of {self.name} ({len(raw.rows)} rows).", self._data_hint()
            )
        return LoadedBenchmark(
            name=self.name,
            problems=tuple(problems.values()),
            source=raw.source,
            content_sha256=sha256_of([problem.to_row() for problem in problems.values()]),
        )

    def _read_files(self, bench_data: Path | None) -> RawBenchmark:
        if bench_data is None:
            raise MissingInputError(
                f"{self.name} is read from its published file, and none is given.", self._data_hint()
            )
        from coma_cli.formats.published import read_published

        path, rows = read_published(bench_data, self.files)
        return RawBenchmark(rows, str(path))

    def _problem_of(self, row: Mapping[str, Any], origin: str) -> Problem | None:
        try:
            problem = self.problem(row)
            return None if problem is None else self._with_mode(problem, row)
        except KeyError as error:
            have = ", ".join(sorted(map(str, row))) or "nothing"
            message = f"{origin}: no field {error} for {self.name} (it has {have})."
        except (AttributeError, IndexError, TypeError, ValueError, SyntaxError) as error:
            message = f"{origin}: not a row of {self.name} ({error})."
        raise MissingInputError(message, self._data_hint())

    def _with_mode(self, problem: Problem, row: Mapping[str, Any]) -> Problem:
        """The problem with the mode that its row names, else the one that is listed here."""
        reason = self.inproc.get(problem.task_id, "")
        mode = row.get("mode") or ("inproc" if reason else problem.mode)
        if mode not in ("split", "inproc"):
            raise ValueError(f"mode must be split or inproc, not {str(mode)[:40]!r}")
        if mode == problem.mode:
            return problem
        reason = reason or str(row.get("mode_reason") or "its row says so")
        return problem.model_copy(update={"mode": mode, "mode_reason": reason})

    def _data_hint(self) -> str:
        return self.data_hint or f"Give the published file of {self.name} with --bench-data; see {self.url}"
