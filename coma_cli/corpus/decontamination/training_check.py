"""What is known of a model's training data and the benchmarks: which rows were checked, and what was found in them.

finetune writes the record into its manifest; merge-lora and sample hand it on, so that score can say under its number
whether the model may have seen the problems. Of a model that coma did not train there is no record.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from coma_cli.corpus.decontamination.shipped import OTHER_SPLITS, covered
from coma_cli.words import count_of

MANIFEST_KEY = "benchmark_check"
_CONFIG = ConfigDict(frozen=True)
# Under which names the hashes of this package hold a benchmark's problems, where not under its own.
_HELD_AS: Mapping[str, tuple[str, ...]] = {
    "humaneval+": ("humaneval",),
    "mbpp-sanitized": ("mbpp",),
    "mbpp+": ("mbpp", OTHER_SPLITS),
}


class LeakExample(BaseModel):
    """A training row that holds part of a benchmark: which row, and the evidence (see `ContaminatedRow`)."""

    model_config = _CONFIG

    row: str
    bench: str
    problem: str
    part: str
    where: str
    level: int
    shared: str


class FileCheck(BaseModel):
    """What the check of one training file found.

    `rows` were checked `by` the hashes of this package (`hashes`: SHA-256 of their file) or by the build-data run that
    made them. `levels` are those that ran, by benchmark. `found` counts rows by benchmark and problem, `found_by_level`
    by benchmark and level; `kept` are those of `found` that are trained on, the others were excluded. `own_split`
    counts rows that are of a split themselves, and were not compared with it.
    """

    model_config = _CONFIG

    file: str
    rows: int
    by: Literal["hashes", "build-data", "nothing"]
    hashes: str = ""
    levels: dict[str, tuple[int, ...]] = {}
    found: dict[str, dict[str, int]] = {}
    found_by_level: dict[str, dict[int, int]] = {}
    kept: dict[str, dict[str, int]] = {}
    own_split: dict[str, int] = {}
    examples: tuple[LeakExample, ...] = ()

    @property
    def found_by_benchmark(self) -> dict[str, int]:
        """The number of rows with part of a benchmark."""
        return {bench: sum(problems.values()) for bench, problems in self.found.items()}

    @property
    def found_rows(self) -> int:
        """The number of rows with part of any benchmark; each row counts for one."""
        return sum(self.found_by_benchmark.values())

    def levels_of(self, bench: str) -> tuple[int, ...]:
        """The levels at which the rows were checked against a benchmark's problems; none if they were not."""
        names = (bench,) if bench in self.levels else _HELD_AS.get(bench, (bench,))
        if not all(name in self.levels for name in names):
            return ()
        return tuple(sorted(set.intersection(*(set(self.levels[name]) for name in names))))

    def not_compared(self, bench: str) -> int:
        """The rows that were not compared with a benchmark's problems."""
        if not self.levels_of(bench):
            return self.rows
        if bench in self.levels:
            return 0
        return sum(self.own_split.get(name, 0) for name in _HELD_AS.get(bench, ()))

    def covers(self) -> tuple[str, ...]:
        """The benchmarks that the rows were checked against, with those that ask the same problems."""
        names = {*self.levels, *_HELD_AS} - {OTHER_SPLITS}  # nobody is scored on those
        return tuple(sorted(name for name in names if self.levels_of(name) and not self.not_compared(name)))


class TrainingCheck(BaseModel):
    """The checks of all files that a model was fine-tuned on, those of a tuned base first."""

    model_config = _CONFIG

    files: tuple[FileCheck, ...]

    @property
    def covers(self) -> list[str]:
        """The benchmarks that all rows were checked against."""
        each = [set(file.covers()) for file in self.files]
        return sorted(set.intersection(*each)) if each else []

    @property
    def found(self) -> dict[str, int]:
        """The number of rows with part of a benchmark, dropped or not."""
        counts: Counter[str] = Counter()
        for file in self.files:
            counts.update(file.found_by_benchmark)
        return dict(sorted(counts.items()))

    def to_manifest(self) -> dict[str, Any]:
        """The record as JSON types."""
        return {"covers": self.covers, **self.model_dump(mode="json")}


NEVER_CHECKED = TrainingCheck(files=(FileCheck(file="", rows=0, by="nothing"),))


def recorded_check(manifest: Mapping[str, Any]) -> TrainingCheck | None:
    """The record in the manifest of a finetune or merge-lora run; None for a model that coma did not train.

    A run of an earlier version, which made no check, counts as never checked; so does a broken record.
    """
    if manifest.get(MANIFEST_KEY, ...) is None:
        return None
    try:
        return TrainingCheck.model_validate(manifest[MANIFEST_KEY])
    except (KeyError, ValidationError):
        return NEVER_CHECKED


class ContaminationStatus(BaseModel):
    """What a model's training data says about its score on one benchmark.

    `kept`: it was trained on rows with problems of the benchmark; `unchecked`: some rows were not compared with it;
    `dropped`: all such rows were excluded; `clean`: there were none; `unknown`: coma did not train the model. `rows` of
    training data were checked, at these `levels`; `unchecked_rows` were not; `found` have one of the benchmark's
    problems, and `kept_rows` of those were trained on; `problems` counts the problems in them.
    """

    model_config = _CONFIG

    state: Literal["clean", "dropped", "kept", "unchecked", "unknown"]
    rows: int = 0
    unchecked_rows: int = 0
    found: int = 0
    kept_rows: int = 0
    problems: int = 0
    levels: tuple[int, ...] = ()

    @property
    def is_loud(self) -> bool:
        """Whether a user has to know it before trusting the score."""
        return self.state in ("kept", "unchecked")


UNKNOWN = ContaminationStatus(state="unknown")


def status_of(check: TrainingCheck | None, bench: str, task_ids: Collection[str]) -> ContaminationStatus:
    """What a model's training data has of the problems with these ids; None: coma did not train the model."""
    if check is None:
        return UNKNOWN
    asked = {task_id.casefold() for task_id in task_ids}  # MBPP/2 and Mbpp/2 are one problem
    found: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for file in check.files:
        for counts, by_problem in ((found, file.found), (kept, file.kept)):
            for problems in by_problem.values():
                counts.update({name: count for name, count in problems.items() if name.casefold() in asked})
    levels = [set(of_file) for file in check.files if (of_file := file.levels_of(bench))]
    unchecked = sum(file.not_compared(bench) for file in check.files)
    is_unchecked = unchecked > 0 or not all(file.levels_of(bench) for file in check.files)
    return ContaminationStatus(
        state="kept" if kept else "unchecked" if is_unchecked else "dropped" if found else "clean",
        rows=sum(file.rows for file in check.files) - unchecked,
        unchecked_rows=unchecked,
        found=found.total(),
        kept_rows=kept.total(),
        problems=len(kept or found),
        levels=tuple(sorted(set.intersection(*levels))) if levels else (),
    )


def sentence_of(status: ContaminationStatus, bench: str) -> str:
    """A status in one line."""
    if status.state == "unknown":
        return "Training data: unknown to coma (a base model, or a model or samples from elsewhere)"
    problems = count_of(status.problems, "problem")
    rows = count_of(status.rows, "row")
    if status.state == "kept":
        held = count_of(status.kept_rows, "row")
        return (
            f"Warning: the model was fine-tuned on {held} with problems, solutions or tests of {bench} ({problems}): "
            "its score does not show what it can do"
        )
    if status.state == "unchecked":
        of = f" ({count_of(status.unchecked_rows, 'row')})" if status.unchecked_rows else ""
        remedy = "" if bench in covered() else "; build-data --bench-data checks data against it"
        return (
            f"Warning: the model's training data was not checked against {bench}{of}, and may hold its problems{remedy}"
        )
    levels = ", ".join(map(str, status.levels))
    result = "none holds a problem"
    if status.state == "dropped":
        result = f"{status.found} {'was' if status.found == 1 else 'were'} excluded, which held {problems}"
    return f"Training data: {rows} checked against {bench} (levels {levels}): {result}"


def note_of(check: TrainingCheck | None, bench: str, task_ids: Collection[str]) -> tuple[str, ...]:
    """The line to print before such a model is sampled, if there is something to warn of."""
    status = status_of(check, bench, task_ids)
    return (sentence_of(status, bench),) if status.is_loud else ()
