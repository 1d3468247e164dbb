"""`coma merge-lora`: base and adapter in; one plain model with tokenizer and template out, verified to compute the
same.

    plan    the latest finetune's adapter (or --adapter), its base, disk and memory, blockers
    work    base + adapter read the probes -> merge, file by file -> read back from disk -> compare -> GGUF, if wanted
    show    the table at the end, with the largest difference of any logit

Its unit of work is a step: what base and adapter compute for a probe, the merge, the comparison of a probe, or the GGUF
file. A merge that differs by more than the limits is an error and leaves no finished run.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY
from coma_cli.errors import memory_named
from coma_cli.models.adapters import fitting
from coma_cli.prompting import PromptTemplate
from coma_cli.stage import Stage
from coma_cli.training.merging.checkpoint import template_of
from coma_cli.training.merging.planning import MergePlan, make_plan
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.merging.steps import (
    MODEL,
    VERIFICATION,
    MergeJob,
    check_adapter,
    compare_probes,
    gguf_files,
    gguf_rows,
    merge_weights,
    refer_probes,
    write_gguf,
)
from coma_cli.training.merging.summary import check_limits, headline, show, summarize
from coma_cli.training.pushing.push import push_model
from coma_cli.workspace import Artifact, Run, StageResult

SMALLER_MERGE = "Close other programs, or merge on a larger machine."


def work(run: Run, settings: MergeSettings, plan: MergePlan) -> StageResult:
    """Answer the probes, merge, read back, compare; each step only if it is missing."""
    assert plan.adapter is not None
    with fitting(plan.adapter) as adapter:
        tokenizer = _tokenizer(settings, plan)
        job = MergeJob(run, settings, plan, adapter, tokenizer, _template(plan, tokenizer))
        with memory_named("The merge", SMALLER_MERGE), console.progress("Merging", plan.total) as ticker:
            check_adapter(job)
            refer_probes(job, ticker)
            merge_weights(job, ticker)
            compare_probes(job, ticker)
            summary = summarize(job)
            check_limits(summary)
            write_gguf(job, ticker)
    summary = summary.model_copy(update={"gguf": gguf_rows(run)})
    facts = {MANIFEST_KEY: None if plan.check is None else plan.check.to_manifest(), **summary.facts()}
    return StageResult(summary, (MODEL, VERIFICATION, *gguf_files(run)), facts=facts)


def _tokenizer(settings: MergeSettings, plan: MergePlan) -> Any:
    """The adapter's own tokenizer if it has one, else the base's."""
    from coma_cli.models.loading import load_tokenizer

    assert plan.adapter is not None and plan.base is not None
    own = any((plan.adapter.folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model"))
    return _tokenizer_in(plan.adapter.folder) if own else load_tokenizer(plan.base, trust=settings.trust)


def _template(plan: MergePlan, tokenizer: Any) -> PromptTemplate | None:
    """The template of the training, None if nothing says it."""
    assert plan.adapter is not None and plan.base is not None
    stored = PromptTemplate.load(plan.adapter.folder)
    if stored is not None or plan.header is None:
        return stored
    return template_of(plan.header, plan.base, tokenizer)


def _tokenizer_in(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def publish(settings: MergeSettings, artifact: Artifact) -> Mapping[str, Any] | None:
    """Push a finished run to the Hugging Face Hub if the settings say so: where it is then."""
    return push_model(settings.push_to_hub, artifact, public=settings.public)


STAGE = Stage(settings=MergeSettings, plan=make_plan, work=work, show=show, headline=headline, publish=publish)
