"""Which samples are scored, and against which problems: a finished sample run, or files from elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from coma_cli.catalog import lookup
from coma_cli.catalog.benchmarks import BENCHMARKS, PROMPTS, SAMPLED
from coma_cli.catalog.benchmarks.published_content import ContentDifference, difference, published_ids
from coma_cli.corpus.decontamination.training_check import (
    MANIFEST_KEY,
    ContaminationStatus,
    TrainingCheck,
    recorded_check,
    status_of,
)
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.errors import MissingInputError, UsageError, nearest
from coma_cli.evaluation.scoring.sample_files import (
    Skipped,
    read_candidates,
    read_run_candidates,
    sample_paths,
)
from coma_cli.hashing import hash_file
from coma_cli.jsonl import read_rows
from coma_cli.records import Problem
from coma_cli.workspace import Artifact, Input, Workspace

_RANKINGS = "rankings.jsonl"
NO_MODEL = ("benchmark", "template")  # the inputs of a sample run that are not the model


@dataclass(frozen=True)
class BenchmarkSource:
    """Where the problems come from: a path or a package, the SHA-256 of the file or of the problems, and how they
    differ from those of the published benchmark.
    """

    name: str
    sha256: str
    difference: ContentDifference


@dataclass(frozen=True)
class SampleSource:
    """Samples to score with the problems that they answer.

    `run` says that they are a finished sample run, whose problems were left beside its samples. Without `paths` there
    are no samples: only the references of the problems are to be checked. `training` is what is known of the data of
    the model that wrote the samples; None if coma did not train it, or for samples from elsewhere. `rankings` is
    the file of log-probabilities of candidates that a sample run of held-out rows left. With `only`, samples of other
    problems are not given.
    """

    bench: str
    title: str
    paths: tuple[Path, ...]
    problems: tuple[Problem, ...]
    inputs: tuple[Input, ...]
    run: bool
    benchmark: BenchmarkSource
    training: TrainingCheck | None = None
    rankings: Path | None = None
    only: frozenset[str] | None = None

    @property
    def bench_size(self) -> int:
        """The number of problems of the whole benchmark; of those available if the catalogue does not know it."""
        known = BENCHMARKS.get(self.bench)
        return max(len(self.problems), known.size) if known else len(self.problems)

    @property
    def contamination(self) -> ContaminationStatus | None:
        """What the training data of the model that wrote the samples says about its score; None without samples.

        A run may have few of the benchmark's problems; leaks of the others count as well.
        """
        task_ids = {*published_ids(self.bench), *(problem.task_id for problem in self.problems)}
        return status_of(self.training, self.bench, task_ids) if self.paths else None

    def candidates(self, skipped: Skipped) -> Iterator[Candidate]:
        """The samples in the order of the files; what can't be scored is noted in `skipped`."""
        found = (
            read_run_candidates(self.paths[0], skipped)
            if self.run
            else read_candidates(self.paths, self.problems, SAMPLED[self.bench].id_prefix, skipped)
        )
        return found if self.only is None else (one for one in found if one.task_id in self.only)


def choose_samples(
    workspace: Workspace, bench: str | None, samples: Sequence[str], bench_data: Path | None
) -> SampleSource:
    """The samples named, each a file, a folder, a sample run's folder or name; else the latest run of that benchmark.

    Raises:
        UsageError: the benchmark is unknown, not named or another one than the run's; or several models were sampled
            and none was chosen. MissingInputError: there are no such samples.
    """
    if bench == PROMPTS:
        raise _unscored("Such samples")
    if bench is not None:
        lookup("benchmark", bench, SAMPLED)
    if not samples:
        return _of_run(_newest_run(workspace, bench), bench)
    runs = [artifact for name in samples if (artifact := _run_named(workspace, name)) is not None]
    if runs:
        if len(samples) > 1:
            raise UsageError("--samples takes one sample run, or any number of files.", "Score the runs one by one.")
        return _of_run(runs[0], bench)
    return _of_files([Path(name) for name in samples], bench, bench_data)


def benchmark_only(bench: str | None, bench_data: Path | None) -> SampleSource:
    """A benchmark's problems without any samples, for checking its references."""
    if bench is None:
        raise UsageError("Which benchmark's references?", f"--bench {' | '.join(BENCHMARKS)}")
    loaded = lookup("benchmark", bench, SAMPLED).load(bench_data)
    benchmark = Input("benchmark", loaded.source, loaded.content_sha256)
    path = Path(loaded.source)
    sha256 = hash_file(path) if path.is_file() else loaded.content_sha256
    source = BenchmarkSource(loaded.source, sha256, difference(bench, SAMPLED[bench].size, loaded.problems))
    return SampleSource(bench, loaded.source, (), loaded.problems, (benchmark,), False, source)


def _run_named(workspace: Workspace, name: str) -> Artifact | None:
    """The sample run that a path or a name stands for; None for a file or folder of samples from elsewhere."""
    path = Path(name)
    if path.exists():
        artifact = workspace.artifact_at(path)
    else:
        runs = {a.name: a for a in workspace.finished("sample")}
        artifact = runs.get(name)
        if artifact is None:
            guess = nearest(name, runs)
            meant = f" Did you mean {guess}?" if guess else ""
            raise MissingInputError(f"{name} is not a file, folder or finished sample run.{meant}", "Check --samples.")
    if artifact is not None and artifact.command != "sample":
        raise UsageError(f"{name} is a run of coma {artifact.command}, not of coma sample.", "Check --samples.")
    return artifact


def _newest_run(workspace: Workspace, bench: str | None) -> Artifact:
    """The latest finished sample run, of one benchmark if it is named, if only one model was sampled."""
    runs = [a for a in workspace.finished("sample") if bench in (None, a.settings.get("bench"))]
    if not runs:
        if bench is None:
            return workspace.require_newest("sample")
        if workspace.unfinished("sample"):
            begun = ", ".join(workspace.unfinished("sample"))
            raise MissingInputError(
                f"No finished sample run of {bench} in {workspace.root} (begun and unfinished: {begun}).",
                f"coma sample --bench {bench}",
            )
        raise MissingInputError(
            f"No finished sample run of {bench} in {workspace.root}.", f"coma sample --bench {bench}"
        )
    same_bench = [a for a in runs if a.settings.get("bench") == runs[0].settings.get("bench")]
    models = {a.name: _model_of(a) for a in same_bench}
    if len({model.content_sha256 for model in models.values()}) > 1:
        listed = "\n  ".join(f"{name}: model {model.path}" for name, model in models.items())
        message = f"Several models were sampled on {runs[0].settings.get('bench')}:\n  {listed}"
        raise UsageError(message, f"--samples {same_bench[0].name}")
    return runs[0]


def _model_of(artifact: Artifact) -> Input:
    """The model that a sample run is of: known by its content, since "the latest merge" changes."""
    return next((made_from for made_from in artifact.inputs if made_from.name not in NO_MODEL), artifact.as_input())


def _of_run(artifact: Artifact, bench: str | None) -> SampleSource:
    own = str(artifact.settings.get("bench"))
    if own == PROMPTS:
        raise _unscored(f"The samples of {artifact.name}")
    if bench not in (None, own):
        raise UsageError(f"The samples of {artifact.name} are of {own}, not of {bench}.", f"--bench {own}")
    path = artifact.intact("problems.jsonl", "--bench-data")
    rows = enumerate(read_rows(path), start=1)
    problems = tuple(Problem.from_row(row, f"{path}:{number}") for number, row in rows)
    samples = artifact.intact("samples.jsonl", "--samples")
    size = BENCHMARKS[own].size if own in BENCHMARKS else len(problems)
    source = BenchmarkSource(str(path), hash_file(path), difference(own, size, problems, part=True))
    training = recorded_check({MANIFEST_KEY: None, **artifact.manifest})
    ranked = _RANKINGS in artifact.manifest["outputs"]
    rankings = artifact.intact(_RANKINGS, "--samples") if ranked else None
    made_from = (artifact.as_input("sample"),)
    return SampleSource(own, artifact.name, (samples,), problems, made_from, True, source, training, rankings)


def _unscored(what: str) -> UsageError:
    return UsageError(
        f"{what} answer instructions that come without tests or answers, so there is nothing to score.",
        "Read them in samples.jsonl of the run ; or name other samples with --samples",
    )


def _require_distinct(files: Sequence[Input]) -> None:
    """A file that is given twice would count each of its samples twice."""
    seen: dict[str, Input] = {}
    for file in files:
        other = seen.setdefault(file.content_sha256, file)
        if other is not file:
            raise UsageError(f"{file.path} is the same file as {other.path}.", "Give each sample file once.")


def _of_files(paths: Sequence[Path], bench: str | None, bench_data: Path | None) -> SampleSource:
    if bench is None:
        raise UsageError("Samples from a file need the benchmark's name.", f"--bench {' | '.join(BENCHMARKS)}")
    files = tuple(file for path in paths for file in sample_paths(path))
    problems = benchmark_only(bench, bench_data)
    given = [Input.of_path(f"samples {n}", file) for n, file in enumerate(files, start=1)]
    _require_distinct(given)
    inputs = (*problems.inputs, *given)
    title = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return SampleSource(bench, title, files, problems.problems, inputs, False, problems.benchmark)
