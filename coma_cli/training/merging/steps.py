"""The steps of a merge: base and adapter read the probes, the weights are merged, the result is read back and compared.

Each step does only what is missing, so a merge that was killed continues where it stopped. One model is in memory at a
time, and none while the weights are merged.
"""

import gc
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.errors import CliError
from coma_cli.models.adapters import Adapter
from coma_cli.models.resolution import resolve_base
from coma_cli.prompting import PromptTemplate, choose_template
from coma_cli.training.merging.planning import FOUR_BIT, PUBLISHED, MergePlan
from coma_cli.training.merging.probes import PROBES
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.words import size_of
from coma_cli.workspace import Run

VERIFICATION = "verification.jsonl"
MODEL = "model"
GGUF_ROWS = "gguf.jsonl"
# Of the mean KL divergence of a GGUF file from the merged model.
KL_LIMITS = {"f16": 1e-3, "q8_0": 1e-2}
_GGUF_PROBES = 6


@dataclass
class MergeJob:
    """What all steps of one merge share; `adapter` is for the layers that the base has now."""

    run: Run
    settings: MergeSettings
    plan: MergePlan
    adapter: Adapter
    tokenizer: Any
    template: PromptTemplate | None

    @cached_property
    def device(self) -> str:
        """Where the models compute: the CPU if `auto` finds a GPU with too little free memory."""
        import torch

        from coma_cli.models.loading import choose_placement

        asked = self.settings.runtime.device
        chosen = choose_placement(asked).device
        if asked == "auto" and chosen != "cpu":
            free = torch.cuda.mem_get_info(chosen)[0]
            if free < self.plan.memory:
                console.note(
                    f"Comparing on the CPU: {chosen} has {size_of(free)} free, {size_of(self.plan.memory)} are needed."
                )
                return "cpu"
        return chosen

    @cached_property
    def skeleton(self) -> Any:
        """The base without its weights, with the adapter's layers; refuses an adapter that does not belong to it."""
        from coma_cli.models.loading import load_config
        from coma_cli.training.merging.skeleton import build

        plan, trust = self.plan, self.settings.trust
        assert plan.base is not None
        config = load_config(plan.base, trust=trust)
        return build(self.adapter, config, trust_remote_code=trust.remote_code, rounding=self.rounding(plan.onto))

    def rounding(self, base: str) -> Any:
        """How a base that is compared with was rounded for training; None for the published one."""
        from coma_cli.models.loading import DTYPES
        from coma_cli.training.merging.rounding import BaseRounding

        return None if base == PUBLISHED else BaseRounding(base, DTYPES[self.plan.seen])

    @property
    def half(self) -> bool:
        """Whether the merge rounds to 16 bits."""
        return self.plan.dtype != "float32"

    @property
    def wide(self) -> Any:
        """The dtype to compare in."""
        import torch

        return torch.float32 if self.half else torch.float64

    @cached_property
    def probes(self) -> list[Any]:
        """The token ids of the probes."""
        from coma_cli.training.merging.verification import probe_ids

        asked = self.template or choose_template("auto", self.tokenizer)
        return probe_ids(asked, self.tokenizer, PROBES[: self.plan.probes])

    def reference(self, base: str, number: int) -> Path:
        """The file of what an adapter on this base computes for a probe."""
        return self.run.scratch("references") / f"{base.replace(' ', '-')}-{number:02d}.safetensors"

    def step_done(self, ticker: console.Ticker) -> None:
        self.run.count_work()
        ticker.advance()

    def rows(self) -> Any:
        """The journal of the comparison."""
        from coma_cli.training.merging.verification import ProbeRow

        return self.run.journal(VERIFICATION, ProbeRow)

    def missing(self, base: str) -> list[int]:
        """The numbers of the probes that are still to be compared."""
        journal = self.rows()
        return [number for number in range(self.plan.probes) if f"{base}/{number:02d}" not in journal]


def check_adapter(job: MergeJob) -> None:
    """Refuse an adapter of another base, or an export that can't be made, before a weight is read."""
    if not (job.run.path / MODEL).is_dir():
        config = job.skeleton.model.config
        if job.settings.gguf is not None:
            from coma_cli.training.merging.gguf_file import check_exportable

            check_exportable(config.to_dict(), job.tokenizer)


def refer_probes(job: MergeJob, ticker: console.Ticker) -> None:
    """What base and adapter compute for the probes, on each base that the merge is compared with."""
    for base in job.plan.compared:
        _refer(job, base, ticker)
        gc.collect()


def _refer(job: MergeJob, base: str, ticker: console.Ticker) -> None:
    from coma_cli.models.loading import DTYPES
    from coma_cli.training.merging.adapted import load_adapted
    from coma_cli.training.merging.verification import Reference, difference, load_logits, logits_of, refer

    missing = [number for number in job.missing(base) if not Reference.is_at(job.reference(base, number))]
    if not missing:
        return
    plan = job.plan
    assert plan.base is not None
    rounding = job.rounding(base)
    exact = base == PUBLISHED or (base == FOUR_BIT and plan.seen == plan.stored)  # rounded values fit into the dtype
    stored = plan.stored if exact else "float32"
    model = load_adapted(
        job.adapter,
        plan.base,
        job.device,
        job.settings.trust,
        stored=stored,
        wide=job.wide,
        rounding=rounding,
    )
    found = {}
    for number in missing:
        path = job.reference(base, number)
        reference = refer(model, job.probes[number], job.wide)
        reference.save_logits(path)
        found[number] = replace(reference, ids=reference.ids[:0], logits=reference.logits[:0])
    if job.half:
        model.to(DTYPES[plan.dtype])
    for number, reference in found.items():
        path = job.reference(base, number)
        rounded = None
        if job.half:
            ids, logits = load_logits(path)
            rounded = difference(logits, logits_of(model, ids, None)).divergence
        replace(reference, rounded=rounded).complete(path)
        job.step_done(ticker)


def merge_weights(job: MergeJob, ticker: console.Ticker) -> None:
    """Write the merged model with tokenizer and template; each file of weights is complete or absent."""
    from coma_cli.training.merging.base_files import base_files
    from coma_cli.training.merging.merge import write_description, write_weights

    plan, trust = job.plan, job.settings.trust
    assert plan.base is not None and plan.adapter is not None
    if (job.run.path / MODEL).is_dir():
        return
    made = job.run.scratch("merged") / MODEL
    made.mkdir(exist_ok=True)
    write_weights(job.skeleton, base_files(plan.base), plan.dtype, made)
    folder = plan.adapter.folder
    write_description(job.skeleton, plan.base, trust, plan.dtype, job.tokenizer, job.template, folder, made)
    job.run.place(made, MODEL)
    job.step_done(ticker)


def compare_probes(job: MergeJob, ticker: console.Ticker) -> None:
    """Append the rows of the comparison; the merged model is read back from disk."""
    from coma_cli.models.loading import DTYPES, load_model
    from coma_cli.training.merging.verification import Reference, compare

    missing = {base: numbers for base in job.plan.compared if (numbers := job.missing(base))}
    if not missing:
        return
    merged = resolve_base(str((job.run.path / MODEL).resolve()))
    model = load_model(merged, DTYPES[job.plan.dtype], job.device, trust=job.settings.trust)
    for base, numbers in missing.items():
        for number in numbers:
            job.rows().append(compare(model, Reference.load(job.reference(base, number)), base, number, job.wide))
            job.step_done(ticker)


def write_gguf(job: MergeJob, ticker: console.Ticker) -> None:
    """Write the merged model as a GGUF file, completely or not at all, and read it back."""
    kind = job.settings.gguf
    if kind is None or (job.run.path / gguf_name(kind)).is_file():
        return
    from coma_cli.models.loading import DTYPES, load_model
    from coma_cli.training.merging.gguf_check import GgufRow, compare_gguf
    from coma_cli.training.merging.gguf_file import export

    folder, name = job.run.scratch("merged"), gguf_name(kind)
    assert job.plan.base is not None
    export(job.run.path / MODEL, kind, folder / name, f"{job.plan.base.subject}-merged")

    def merged() -> Any:
        return load_model(resolve_base(str((job.run.path / MODEL).resolve())), DTYPES[job.plan.dtype], "cpu")

    row = compare_gguf(merged, folder / name, kind, job.probes[:_GGUF_PROBES])
    if not row.kl_divergence <= KL_LIMITS[kind]:
        raise CliError(
            f"The GGUF file differs from the merged model: KL divergence {row.kl_divergence:.3g}, the same most likely "
            f"token at {100 * row.greedy_agreement:.2f} % of {row.positions:,} positions. Limit: {KL_LIMITS[kind]}.",
            "Omit --gguf, or choose --gguf f16.",
        )
    journal = job.run.journal(GGUF_ROWS, GgufRow)
    if kind not in journal:
        journal.append(row)
    job.run.place(folder / name, name)
    job.step_done(ticker)


def gguf_name(kind: str) -> str:
    """The name of the GGUF file of a kind in the run's folder."""
    return f"model-{kind}.gguf"


def gguf_files(run: Run) -> tuple[str, ...]:
    """The GGUF files that the run holds, and the rows of their comparison."""
    made = sorted(path.name for path in run.path.glob("model-*.gguf"))
    return (*made, GGUF_ROWS) if made else ()


def gguf_rows(run: Run) -> list[dict[str, Any]]:
    """File and comparison of each GGUF file of the run."""
    if not gguf_files(run):
        return []
    from coma_cli.training.merging.gguf_check import GgufRow

    rows = run.journal(GGUF_ROWS, GgufRow).rows()
    return [{"file": str(run.path / gguf_name(row.kind)), **row.model_dump(exclude={"schema_version"})} for row in rows]
