"""The pipeline as one plain table: six commands, what each reads, what each leaves, where its work is done.

Read this page, then one file of `commands/` and the core module that its row names, and you know how coma works: a
command turns options into settings, `plan` says what would be done (`--dry-run` stops there), the workspace opens the
run, and `work` does what is still missing in it (`commands/execute.py` is where these are joined). A run that is
finished is only read. Stages never call each other: they read what the one before left.

`version` is part of a run's fingerprint: raise it when the same settings and inputs would give other rows.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One row of the pipeline; `module` holds `plan(settings, workspace)` and `work(run, settings, plan)`."""

    command: str
    version: int
    reads: tuple[str, ...]
    leaves: tuple[str, ...]
    unit: str
    module: str


PIPELINE: tuple[Stage, ...] = (
    Stage(
        command="build-data",
        version=4,
        reads=(),
        leaves=(
            "train.jsonl",
            "validation.jsonl",
            "dropped.jsonl",
            "contamination.jsonl",
            "pending.jsonl",
            "CoMIT.json and a file a sub-dataset",
            "card.md",
        ),
        unit="files",
        module="coma_cli.dataset.build_data",
    ),
    Stage(
        command="gen-instructions",
        version=1,
        reads=(),
        leaves=("train.jsonl", "validation.jsonl", "dropped.jsonl"),
        unit="calls",
        module="coma_cli.instructions.gen_instructions",
    ),
    Stage(
        command="finetune",
        version=2,
        reads=("build-data", "gen-instructions"),
        leaves=("adapter/ or model/", "metrics.jsonl", "dropped.jsonl"),
        unit="steps",
        module="coma_cli.training.finetune",
    ),
    Stage(
        command="merge-lora",
        version=1,
        reads=("finetune",),
        leaves=("model/", "verification.jsonl"),
        unit="steps",
        module="coma_cli.training.merge_lora",
    ),
    Stage(
        command="sample",
        version=1,
        reads=("merge-lora", "finetune"),
        leaves=("samples.jsonl", "problems.jsonl"),
        unit="samples",
        module="coma_cli.evaluation.sample",
    ),
    Stage(
        command="score",
        version=2,
        reads=("sample",),
        leaves=("verdicts.jsonl", "references.jsonl"),
        unit="programs",
        module="coma_cli.evaluation.score",
    ),
)


def stage(command: str) -> Stage:
    """The row of one command."""
    return next(row for row in PIPELINE if row.command == command)
