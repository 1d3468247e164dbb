"""`coma merge-lora`: base and adapter in; one plain model with tokenizer and template out, proven to answer the same.

    plan    the newest finetune's adapter (or --adapter), its base, what stands in the way
    work    reference answers of base + adapter -> merge -> read back from disk -> compare, probe by probe
    show    the table at the end, with the largest difference of any logit

Its unit of work is a step: one probe referred, the merge, one probe compared. A merge that differs by more than the
limit is an error and leaves no finished run.
"""

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from coma_cli import console
from coma_cli.catalog.bases.resolution import ResolvedBase, Trust
from coma_cli.errors import CliError, MissingInputError, UsageError, missing_package
from coma_cli.jsonl import read_json, write_json
from coma_cli.prompting import PromptTemplate, choose_template
from coma_cli.settings import Runtime, StageSettings
from coma_cli.training.adapters import Adapter, read_adapter, resolve_its_base
from coma_cli.training.estimate import architecture_of
from coma_cli.training.modes import MODES
from coma_cli.training.outputs import stored_dtype
from coma_cli.training.settings import Block, Dtype
from coma_cli.workspace import Artifact, Input, Plan, Run, StageResult, Workspace

VERIFICATION = "verification.jsonl"
MODEL = "model"
_PROBES_AT_MOST = 8
_SMALL = 1_000_000_000


class VerificationBlock(Block):
    """How the merged model is compared with base and adapter."""

    probes: int = Field(default=4, ge=1, le=_PROBES_AT_MOST, description="Prompts to compare on.")
    new_tokens: int = Field(default=32, ge=1, description="Tokens of greedy answer a probe.")
    max_logit_difference: float | None = Field(
        default=None, gt=0, description="Fail above this; default 0.01 for float32, 0.5 for float16, 5 for bfloat16."
    )


class MergeRuntime(Runtime):
    """How the merge is run on this machine."""

    trust_remote_code: bool = Field(default=False, description="Run Python code from the base's own repository.")
    allow_pickle: bool = Field(default=False, description="Read weights that are Python pickles.")


class MergeSettings(StageSettings):
    """What `coma merge-lora` can be told."""

    EXTENT: ClassVar[frozenset[str]] = frozenset()

    adapter: Path | None = Field(default=None, description="Folder of an adapter; default: the newest finetune's.")
    base: str | None = Field(default=None, description="The adapter's base, where it does not name one itself.")
    revision: str | None = Field(default=None, description="Commit, branch or tag of a base on the hub.")
    dtype: Dtype = Field(
        default="auto", description="Of the merged weights; default: float32 below 1B parameters, else the base's own."
    )
    onto: Literal["trained", "published"] = Field(
        default="trained",
        description="After QLoRA: merge into the 4-bit base as trained on, or into the published one.",
    )
    verification: VerificationBlock = VerificationBlock()
    runtime: MergeRuntime = MergeRuntime()

    def identity(self) -> dict[str, Any]:
        """All that decides the weights; adapter and base count by their content, which is among the run's inputs."""
        identity = super().identity()
        for name in ("adapter", "base", "revision"):
            identity.pop(name)
        return identity


SETTINGS = MergeSettings


@dataclass(frozen=True)
class MergePlan(Plan):
    """What `plan` resolved."""

    adapter: Adapter | None = None
    base: ResolvedBase | None = None
    dtype: str = "float32"


class MergeSummary(BaseModel):
    """What `coma merge-lora --json` prints."""

    base: str
    adapter: str
    merged_into: str
    dtype: str
    parameters: int
    probes: int
    max_logit_difference: float
    max_logit_difference_before_rounding: float
    mean_logit_difference: float
    kl_divergence: float
    greedy_agreement: float
    max_adapter_effect: float
    mean_adapter_effect: float
    limit: float | None
    template: str | None
    output: str


def plan(settings: MergeSettings, workspace: Workspace) -> MergePlan:
    """Find adapter and base and check that they belong together."""
    artifact, folder = _choose_adapter(settings, workspace)
    adapter = read_adapter(folder)
    resolved = resolve_its_base(adapter, settings.base, settings.revision, _trust(settings))
    dtype = _automatic_dtype(resolved) if settings.dtype == "auto" else _long_name(settings.dtype)
    source = artifact.as_input("finetune") if artifact else Input.of_path("adapter", folder)
    return MergePlan(
        subject=f"{resolved.subject}-merged",
        inputs=(resolved.as_input(), source),
        total=2 * settings.verification.probes + 1,
        estimate={"probes": settings.verification.probes, "dtype": dtype},
        obstacles=tuple(_obstacles(resolved, adapter)),
        notes=(f"Merging {folder} into {resolved.name}.",),
        adapter=adapter,
        base=resolved,
        dtype=dtype,
    )


def _choose_adapter(settings: MergeSettings, workspace: Workspace) -> tuple[Artifact | None, Path]:
    """The finetune run, where the adapter is one's, and the adapter's folder.

    Raises:
        MissingInputError: no finished finetune, or no such folder. UsageError: a run that left a whole model.
    """
    if settings.adapter is None:
        artifact: Artifact | None = workspace.require_newest("finetune")
    elif not settings.adapter.is_dir():
        raise MissingInputError(f"There is no folder {settings.adapter}.", "Check --adapter.")
    else:
        artifact = workspace.artifact_at(settings.adapter)
        if artifact is None:
            return None, settings.adapter
    assert artifact is not None
    if artifact.command != "finetune":
        raise UsageError(
            f"{artifact.path} is a {artifact.command} run.", "Name a finetune run, or an adapter's folder."
        )
    if "adapter" not in artifact.manifest["outputs"]:
        raise UsageError(
            f"{artifact.path} tuned all weights: its model/ is whole already.",
            f"coma sample --model {artifact.path / 'model'}",
        )
    return artifact, artifact.file("adapter")


def _trust(settings: MergeSettings) -> Trust:
    return Trust(remote_code=settings.runtime.trust_remote_code, pickled=settings.runtime.allow_pickle)


def _automatic_dtype(resolved: ResolvedBase) -> str:
    """Rounding to 16 bits loses part of a short training; where the model is small, nothing is rounded."""
    shape = architecture_of(resolved)
    return "float32" if shape is not None and shape.parameters < _SMALL else stored_dtype(resolved)


def _long_name(dtype: str) -> str:
    return {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}.get(dtype, dtype)


def _obstacles(resolved: ResolvedBase, adapter: Adapter) -> list[CliError]:
    four_bit = adapter.record is not None and adapter.record.four_bit
    packages = MODES["qlora" if four_bit else "lora"].packages
    found: list[CliError] = [
        missing_package(package, "Merging") for package in packages if importlib.util.find_spec(package) is None
    ]
    return [*found, resolved.obstacle] if resolved.obstacle else found


def work(run: Run, settings: MergeSettings, plan: MergePlan) -> StageResult:
    """Refer, merge, read back, compare; each only where it is still missing."""
    from coma_cli.catalog.bases.models import load_tokenizer

    assert plan.adapter is not None and plan.base is not None
    own = any((plan.adapter.folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model"))
    source = plan.adapter.folder if own else None
    tokenizer = _tokenizer_in(source) if source else load_tokenizer(plan.base, trust=_trust(settings))
    job = _Job(run, settings, plan, tokenizer, PromptTemplate.load(plan.adapter.folder))
    with console.progress("Merging", plan.total) as ticker:
        references = _refer(job, ticker)
        _merge(job, references, ticker)
        _compare(job, references, ticker)
    summary = _summary(job)
    if summary.limit is not None and summary.max_logit_difference > summary.limit:
        raise CliError(
            f"The merged model differs from base and adapter by up to {summary.max_logit_difference:.3g} in a logit, "
            f"more than {summary.limit:g} (the adapter itself changes up to {summary.max_adapter_effect:.3g}).",
            "Merge in --dtype float32, or raise --set verification.max_logit_difference",
        )
    return StageResult(summary, (MODEL, VERIFICATION))


def _tokenizer_in(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@dataclass
class _Job:
    """What all steps of one merge share; base and adapter are loaded when the first of them needs both."""

    run: Run
    settings: MergeSettings
    plan: MergePlan
    tokenizer: Any
    template: PromptTemplate | None
    _adapted: Any = None

    @property
    def device(self) -> str:
        from coma_cli.catalog.bases.models import choose_placement

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
        """Base and adapter as they are to be merged; whoever takes this model may change it."""
        published = self.settings.onto == "published"
        model = None if published else self._adapted
        self._adapted = None
        return model or self._load(published=published)

    def _load(self, *, published: bool) -> Any:
        from coma_cli.training.merging import load_adapted

        assert self.plan.adapter is not None and self.plan.base is not None
        trust = _trust(self.settings)
        return load_adapted(self.plan.adapter, self.plan.base, self.device, trust, published=published)


def _refer(job: _Job, ticker: console.Ticker) -> list[Path]:
    """The trained form's answers to the probes, one file each."""
    from coma_cli.training.verification import probe_prompts, refer

    folder = job.run.scratch("references")
    files = [folder / f"{number}.safetensors" for number in range(job.settings.verification.probes)]
    asked = job.template or choose_template("auto", job.tokenizer)
    prompts = probe_prompts(asked, job.tokenizer, len(files))
    for prompt, file in zip(prompts, files, strict=True):
        if not file.exists():
            refer(job.adapted(), prompt, asked, job.tokenizer, job.settings.verification.new_tokens).save(file)
            job.step_done(ticker)
    return files


def _merge(job: _Job, references: list[Path], ticker: console.Ticker) -> None:
    """The merged model with tokenizer and template, whole or not at all."""
    from coma_cli.training.merging import merged, write

    if (job.run.path / MODEL).is_dir():
        return
    made = job.run.scratch("merged") / MODEL
    shutil.rmtree(made, ignore_errors=True)
    model = merged(job.to_merge())
    exact = _difference_before_rounding(model, references)
    if exact > _LIMITS["float32"] and not (job.four_bit and job.settings.onto == "published"):
        raise CliError(
            f"Merging itself changes a logit by {exact:.3g}, before any rounding.",
            "This adapter can't be merged by the installed peft: pip install -U peft",
        )
    write_json(_exactness(job.run), exact)
    write(model, job.plan.dtype, made)
    job.tokenizer.save_pretrained(made)
    if job.template is not None:
        job.template.save(made)
    job.run.place(made, MODEL)
    job.step_done(ticker)


def _exactness(run: Run) -> Path:
    return run.scratch("references") / "exactness.json"


def _difference_before_rounding(model: Any, references: list[Path]) -> float:
    """The largest difference of a logit between base + adapter and their sum in float32: proves the arithmetic."""
    from coma_cli.training.verification import Reference, compare

    return max(compare(model, Reference.load(path), 0).max_logit_difference for path in references)


def _compare(job: _Job, references: list[Path], ticker: console.Ticker) -> None:
    """Rows of the comparison; the merged model is read back from disk for it."""
    from coma_cli.catalog.bases.models import load_model
    from coma_cli.catalog.bases.resolution import resolve_base
    from coma_cli.training.verification import ProbeRow, Reference, compare

    journal = job.run.journal(VERIFICATION, ProbeRow)
    missing = [number for number in range(len(references)) if str(number) not in journal]
    if missing:
        model = load_model(resolve_base(str((job.run.path / MODEL).resolve())), "float32", job.device)
        for number in missing:
            journal.append(compare(model, Reference.load(references[number]), number))
            job.step_done(ticker)


def _summary(job: _Job) -> MergeSummary:
    from coma_cli.training.verification import ProbeRow

    plan, settings, template = job.plan, job.settings, job.template
    assert plan.adapter is not None and plan.base is not None
    rows = list(job.run.journal(VERIFICATION, ProbeRow).rows())
    tokens = sum(row.answer_tokens for row in rows)
    onto_four_bit = job.four_bit and settings.onto == "trained"
    return MergeSummary(
        base=plan.base.name,
        adapter=str(plan.adapter.folder),
        merged_into="the base in 4 bits, as trained on" if onto_four_bit else "the published base",
        dtype=plan.dtype,
        parameters=_parameters(job.run.path / MODEL),
        probes=len(rows),
        max_logit_difference=max(row.max_logit_difference for row in rows),
        max_logit_difference_before_rounding=float(read_json(_exactness(job.run))),
        mean_logit_difference=sum(row.mean_logit_difference for row in rows) / len(rows),
        kl_divergence=sum(row.kl_divergence for row in rows) / len(rows),
        greedy_agreement=sum(row.greedy_agreement * row.answer_tokens for row in rows) / tokens,
        max_adapter_effect=max(row.max_adapter_effect for row in rows),
        mean_adapter_effect=sum(row.mean_adapter_effect for row in rows) / len(rows),
        limit=_limit(job),
        template=template.name if template else None,
        output=str(job.run.path / MODEL),
    )


# Largest difference of a logit that rounding the weights explains; SmolLM2: 0.0001 (float32), 1.8 (bfloat16).
_LIMITS = {"float32": 0.01, "float16": 0.5, "bfloat16": 5.0}


def _limit(job: _Job) -> float | None:
    """Above which difference the merge has failed; None where another function than the trained one was asked for."""
    if job.settings.verification.max_logit_difference is not None:
        return job.settings.verification.max_logit_difference
    return None if job.settings.onto == "published" and job.four_bit else _LIMITS[job.plan.dtype]


def _parameters(folder: Path) -> int:
    from math import prod

    from coma_cli.training.adapters import tensor_shapes

    return sum(prod(shape) for file in folder.glob("*.safetensors") for shape in tensor_shapes(file).values())


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    return f"a whole model, logits within {summary['max_logit_difference']:.1e} of base and adapter"


def show(summary: Mapping[str, Any]) -> None:
    """The summary as a table on stdout."""
    console.print_values(f"Merged {summary['base']}", summary)
