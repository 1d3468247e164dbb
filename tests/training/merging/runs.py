"""Runs of finetune and merge-lora in a workspace, and what a folder's model computes."""

from pathlib import Path

from coma_cli.jsonl import write_rows
from coma_cli.settings import load_settings
from coma_cli.training import finetune, merge_lora
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Workspace

ROWS = [{"instruction": f"Return {n} times x.", "output": f"def f(x):\n    return {n} * x\n"} for n in range(12)]


def tune(root: Path, base: Path, name: str, **changes) -> Path:
    """The folder of a finished finetune run that has really learnt something."""
    write_rows(root / "rows.jsonl", ROWS)
    flags = {"base": str(base), "data": [str(root / "rows.jsonl")], "max_steps": 8, "lora.r": 4, "dtype": "float32"}
    flags |= {"optimizer.learning_rate": 2e-2, "lora.alpha": 32, "batch.accumulation": 1, **changes}
    settings, workspace = load_settings(FinetuneSettings, flags=flags), Workspace(root)
    plan = finetune.plan(settings, workspace)
    with workspace.open_run("finetune", settings, plan, name=name) as run:
        run.finish(finetune.work(run, settings, plan))
    return root / "finetune" / name


def merge(root: Path, *, name: str = "merged", before=lambda run: None, **changes) -> dict:
    """The manifest of a finished merge."""
    flags = {"verification.probes": 2, **changes}
    settings, workspace = load_settings(MergeSettings, flags=flags), Workspace(root)
    plan = merge_lora.STAGE.plan(settings, workspace)
    for blocker in plan.blockers:
        raise blocker
    with workspace.open_run("merge-lora", settings, plan, name=name) as run:
        before(run)
        return dict(run.finish(merge_lora.work(run, settings, plan)).manifest)


def logits_of(folder: Path, text: str = "Return 3 times x."):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        return model(**tokenizer(text, return_tensors="pt")).logits
