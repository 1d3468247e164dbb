"""Finds the rows of `--bench validation`: those given, else those held out from the model's own training data."""

from pathlib import Path

from coma_cli.catalog import lookup
from coma_cli.catalog.benchmarks import SAMPLED, VALIDATION, LoadedBenchmark
from coma_cli.errors import MissingInputError
from coma_cli.evaluation.sampling.sampled_model import ModelChoice
from coma_cli.workspace import Artifact, Workspace

DATA_RUNS = ("build-data", "gen-instructions")
_FILE = "validation.jsonl"


def load_problems(
    workspace: Workspace, bench: str, bench_data: Path | None, choice: ModelChoice | None
) -> LoadedBenchmark:
    """The problems of a benchmark; `choice` is the model that will answer them, None if a server runs it.

    Raises:
        UsageError: no such benchmark. MissingInputError: its data is missing or unreadable; or nothing is known of what
            the model learnt from.
    """
    if bench != VALIDATION:
        return lookup("benchmark", bench, SAMPLED).load(bench_data)
    if bench_data is not None:
        return SAMPLED[VALIDATION].load(workspace.place_of(bench_data, *DATA_RUNS))
    return SAMPLED[VALIDATION].load_all(_own_files(workspace, choice))


def _own_files(workspace: Workspace, choice: ModelChoice | None) -> list[Path]:
    """The validation files of the runs that a model was trained on."""
    tuned = _run_of(workspace, choice.source.content_sha256, "merge-lora", "finetune") if choice else None
    if tuned is not None and tuned.command == "merge-lora":
        made_from = (_run_of(workspace, one.content_sha256, "finetune") for one in tuned.inputs)
        tuned = next((run for run in made_from if run is not None), None)
    data = [_run_of(workspace, one.content_sha256, *DATA_RUNS) for one in tuned.inputs] if tuned else []
    files = [run.intact(_FILE, "--bench-data") for run in data if run is not None and _FILE in run.manifest["outputs"]]
    filled = [file for file in files if file.stat().st_size]
    if filled:
        return filled
    of_what = f"{choice.title} was not tuned on a data run of this workspace" if choice else "a server runs the model"
    raise MissingInputError(
        f"Which held-out rows? {of_what[0].upper()}{of_what[1:]}, or that run has no validation rows.",
        "--bench-data RUN ; or --bench-data FILE, such as validation.jsonl of a build-data run",
    )


def _run_of(workspace: Workspace, content_sha256: str, *commands: str) -> Artifact | None:
    """The latest run of the commands with this content."""
    runs = (run for command in commands for run in workspace.finished(command))
    return next((run for run in runs if run.content_sha256 == content_sha256), None)
