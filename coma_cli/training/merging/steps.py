"""The steps of a merge: base and adapter answer the probes, the weights are added, the result answers them again.

Each step does only what is missing, so a merge that was killed continues where it stopped.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.errors import CliError
from coma_cli.jsonl import write_json
from coma_cli.prompting import PromptTemplate, choose_template
from coma_cli.training.merging.planning import MergePlan
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.stops import save_for_others
from coma_cli.workspace import Run

VERIFICATION = "verification.jsonl"
MODEL = "model"
# The largest logit difference that rounding the weights explains; SmolLM2: 0.0001 (float32), 1.8 (bfloat16).
LIMITS = {"float32": 0.01, "float16": 0.5, "bfloat16": 5.0}


@dataclass
class MergeJob:
    """What all steps of one merge share; base and adapter are loaded when the first step needs them."""

    run: Run
    settings: MergeSettings
    plan: MergePlan
    tokenizer: Any
    template: PromptTemplate | None
    _adapted: Any = None

    @property
    def device(self) -> str:
        from coma_cli.models.loading import choose_placement

        return choose_placement(self.settings.runtime.device).device

    @property
    def four_bit(self) -> bool:
        """Whether the adapter was trained on a base in four bits."""
        record = self.plan.adapter.record if self.plan.adapter else None
        return record is not None and record.four_bit

    def step_done(self, ticker: console.Ticker) -> None:
        self.run.count_work()
        ticker.advance()

    def adapted(self) -> Any:
        """Base and adapter as they were trained."""
        self._adapted = self._adapted or self._load(published=False)
        return self._adapted

    def to_merge(self) -> Any:
        """Base and adapter as they are to be merged; the caller may modify this model."""
        published = self.settings.onto == "published"
        model = None if published else self._adapted
        self._adapted = None
        return model or self._load(published=published)

    def _load(self, *, published: bool) -> Any:
        from coma_cli.training.merging.merge import load_adapted

        assert self.plan.adapter is not None and self.plan.base is not None
        trust = self.settings.trust
        return load_adapted(self.plan.adapter, self.plan.base, self.device, trust, published=published)


def refer_probes(job: MergeJob, ticker: console.Ticker) -> list[Path]:
    """The answers of base and adapter to the probes, one file each."""
    from coma_cli.training.merging.verification import probe_prompts, refer

    folder = job.run.scratch("references")
    files = [folder / f"{number}.safetensors" for number in range(job.settings.verification.probes)]
    asked = job.template or choose_template("auto", job.tokenizer)
    prompts = probe_prompts(asked, job.tokenizer, len(files))
    for prompt, file in zip(prompts, files, strict=True):
        if not file.exists():
            refer(job.adapted(), prompt, asked, job.tokenizer, job.settings.verification.new_tokens).save(file)
            job.step_done(ticker)
    return files


def merge_weights(job: MergeJob, references: list[Path], ticker: console.Ticker) -> None:
    """Write the merged model with tokenizer and template, completely or not at all."""
    from coma_cli.training.merging.merge import merged, write

    if (job.run.path / MODEL).is_dir():
        return
    made = job.run.scratch("merged") / MODEL
    shutil.rmtree(made, ignore_errors=True)
    model = merged(job.to_merge())
    exact = _difference_before_rounding(model, references)
    if exact > LIMITS["float32"] and not (job.four_bit and job.settings.onto == "published"):
        raise CliError(
            f"Merging itself changes a logit by {exact:.3g}, before any rounding.",
            "The installed peft can't merge this adapter: pip install -U peft",
        )
    write_json(exactness_file(job.run), exact)
    write(model, job.plan.dtype, made)
    if job.template is not None:
        save_for_others(made, job.template, job.tokenizer, model.generation_config)
        job.template.save(made)
    else:
        job.tokenizer.save_pretrained(made)
    job.run.place(made, MODEL)
    job.step_done(ticker)


def exactness_file(run: Run) -> Path:
    """The file with the largest difference before any rounding."""
    return run.scratch("references") / "exactness.json"


def _difference_before_rounding(model: Any, references: list[Path]) -> float:
    """The largest logit difference between base + adapter and their sum in float32: verifies the arithmetic."""
    from coma_cli.training.merging.verification import Reference, compare

    return max(compare(model, Reference.load(path), 0).max_logit_difference for path in references)


def compare_probes(job: MergeJob, references: list[Path], ticker: console.Ticker) -> None:
    """Append the rows of the comparison; the merged model is read back from disk."""
    from coma_cli.models.loading import load_model
    from coma_cli.models.resolution import resolve_base
    from coma_cli.training.merging.verification import ProbeRow, Reference, compare

    journal = job.run.journal(VERIFICATION, ProbeRow)
    missing = [number for number in range(len(references)) if str(number) not in journal]
    if missing:
        model = load_model(resolve_base(str((job.run.path / MODEL).resolve())), "float32", job.device)
        for number in missing:
            journal.append(compare(model, Reference.load(references[number]), number))
            job.step_done(ticker)
