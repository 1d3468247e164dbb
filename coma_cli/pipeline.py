"""The pipeline as one plain table: six commands, what each reads, what each leaves, where its work is done.

Read this page, then one file of `commands/` and the core module that its row names, and you know how coma works: a
command turns options into settings, `plan` says what would be done (`--dry-run` stops there), the workspace opens the
run, and `work` does what is still missing in it (`stage.py` gives the form, `commands/execute.py` joins the parts). A
run that is finished is only read. Stages never call each other: they read what the one before left.

`version` is part of a run's fingerprint: raise it when the same settings and inputs would give other rows.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PipelineRow:
    """One row of the pipeline; `module` exports its stage as `STAGE`, `settings` is the model of its settings."""

    command: str
    version: int
    reads: tuple[str, ...]
    leaves: tuple[str, ...]
    unit: str
    module: str
    settings: str


PIPELINE: tuple[PipelineRow, ...] = (
    PipelineRow(
        command="build-data",
        version=9,
        reads=(),
        leaves=(
            "train.jsonl",
            "validation.jsonl",
            "dropped.jsonl",
            "contamination.jsonl",
            "pending.jsonl",
            "CoMIT.json and one file per sub-dataset",
            "README.md",
        ),
        unit="files",
        module="coma_cli.dataset.build_data",
        settings="coma_cli.dataset.settings:BuildDataSettings",
    ),
    PipelineRow(
        command="gen-instructions",
        version=5,
        reads=(),
        leaves=("round1.jsonl", "round2.jsonl", "train.jsonl", "validation.jsonl", "dropped.jsonl", "card.md"),
        unit="calls",
        module="coma_cli.instructions.gen_instructions",
        settings="coma_cli.instructions.settings:GenSettings",
    ),
    PipelineRow(
        command="finetune",
        version=5,
        reads=("build-data", "gen-instructions"),
        leaves=("adapter/ or model/", "metrics.jsonl", "dropped.jsonl"),
        unit="steps",
        module="coma_cli.training.finetune",
        settings="coma_cli.training.settings:FinetuneSettings",
    ),
    PipelineRow(
        command="merge-lora",
        version=3,
        reads=("finetune",),
        leaves=("model/", "verification.jsonl"),
        unit="steps",
        module="coma_cli.training.merge_lora",
        settings="coma_cli.training.merging.settings:MergeSettings",
    ),
    PipelineRow(
        command="sample",
        version=4,
        reads=("merge-lora", "finetune"),
        leaves=("samples.jsonl", "problems.jsonl", "rankings.jsonl"),
        unit="samples",
        module="coma_cli.evaluation.sample",
        settings="coma_cli.evaluation.sampling.settings:SampleSettings",
    ),
    PipelineRow(
        command="score",
        version=3,
        reads=("sample",),
        leaves=("verdicts.jsonl", "references.jsonl", "failures.jsonl", "measurements.jsonl"),
        unit="programs",
        module="coma_cli.evaluation.score",
        settings="coma_cli.evaluation.scoring.settings:ScoreSettings",
    ),
)


def next_command(command: str) -> str | None:
    """The first command that reads what this one leaves; None for the last."""
    return next((row.command for row in PIPELINE if command in row.reads), None)


def row_of(command: str) -> PipelineRow:
    """The row of one command."""
    return next(row for row in PIPELINE if row.command == command)
