"""`coma merge-lora`: base and adapter in; one plain model with tokenizer and template out, verified to answer the same.

    plan    the latest finetune's adapter (or --adapter), its base, blockers
    work    reference answers of base + adapter -> merge -> read back from disk -> compare, probe by probe
    show    the table at the end, with the largest difference of any logit

Its unit of work is a step: the reference answer to a probe, the merge, or the comparison of a probe. A merge that
differs by more than the limit is an error and leaves no finished run.
"""

from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY
from coma_cli.errors import CliError, memory_named
from coma_cli.prompting import PromptTemplate
from coma_cli.stage import Stage
from coma_cli.training.merging.planning import MergePlan, make_plan
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.merging.steps import (
    MODEL,
    VERIFICATION,
    MergeJob,
    compare_probes,
    merge_weights,
    refer_probes,
)
from coma_cli.training.merging.summary import headline, show, summarize
from coma_cli.workspace import Run, StageResult

SMALLER_MERGE = "It needs the base in float32 twice: close other programs, or merge on a larger machine."


def work(run: Run, settings: MergeSettings, plan: MergePlan) -> StageResult:
    """Answer the probes, merge, read back, compare; each step only if it is missing."""
    from coma_cli.models.loading import load_tokenizer

    assert plan.adapter is not None and plan.base is not None
    own = any((plan.adapter.folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model"))
    source = plan.adapter.folder if own else None
    tokenizer = _tokenizer_in(source) if source else load_tokenizer(plan.base, trust=settings.trust)
    job = MergeJob(run, settings, plan, tokenizer, PromptTemplate.load(plan.adapter.folder))
    with memory_named("The merge", SMALLER_MERGE), console.progress("Merging", plan.total) as ticker:
        references = refer_probes(job, ticker)
        merge_weights(job, references, ticker)
        compare_probes(job, references, ticker)
    summary = summarize(job)
    if summary.limit is not None and summary.max_logit_difference > summary.limit:
        raise CliError(
            f"The merged model differs from base and adapter by up to {summary.max_logit_difference:.3g} in a logit, "
            f"more than {summary.limit:g} (the adapter itself changes up to {summary.max_adapter_effect:.3g}).",
            "Merge in --dtype float32, or raise --set verification.max_logit_difference",
        )
    check = None if plan.check is None else plan.check.to_manifest()
    return StageResult(summary, (MODEL, VERIFICATION), facts={MANIFEST_KEY: check})


def _tokenizer_in(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


STAGE = Stage(settings=MergeSettings, plan=make_plan, work=work, show=show, headline=headline)
