"""A small workspace with finished runs of the whole pipeline, made without training: files, summaries, manifests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.jsonl import write_rows
from coma_cli.models.base_record import BaseRecord
from coma_cli.settings import StageSettings
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace

BASE = Input("base", "smollm2-135m", "b" * 64)
ROWS = [
    {"source": "codealpaca", "licence": "CC-BY-NC-4.0"},
    {"source": "codealpaca", "licence": "CC-BY-NC-4.0"},
    {"source": "stdlib", "licence": "PSF-2.0"},
]
SOURCE = {
    "name": "codealpaca",
    "url": "https://github.com/sahil280114/codealpaca",
    "licence": "CC-BY-NC-4.0",
    "citation": "Chaudhary 2023",
    "splits": "train",
    "files": 1,
}
TUNED = {
    "base": "smollm2-135m",
    "mode": "lora",
    "template": "chat",
    "rows_trained_on": 3,
    "steps": 30,
    "epochs": 1.5,
    "tokens": 4321,
    "batch_size": 2,
    "parameters": 135_000_000,
    "trainable_parameters": 4_884_480,
    "first_loss": 1.5,
    "last_loss": 0.75,
    "best": {"step": 20, "loss": 0.9, "since": 1, "perplexity": 2.46},
    "step_of_output": 20,
    "dtype": "float32",
}
MERGED = {
    "base": "smollm2-135m",
    "dtype": "float32",
    "merged_into": "the published base",
    "positions": 650,
    "max_logit_difference": 3e-5,
    "kl_divergence": 1e-10,
    "greedy_agreement": 1.0,
}
CHECK = {
    "files": [
        {
            "file": "data-0",
            "rows": 3,
            "by": "hashes",
            "levels": {"humaneval": [1, 2]},
            "found": {"humaneval": {"HumanEval/4": 1}},
            "kept": {},
        }
    ]
}
SCORED = {
    "bench": "humaneval",
    "benchmark": {"as_published": True},
    "partial": False,
    "problems": 164,
    "bench_problems": 164,
    "excluded": {},
    "training_data": {"state": "dropped", "rows": 3, "found": 1, "problems": 1, "levels": [1, 2]},
    "results": [
        {
            "protocol": "completion",
            "temperature": 0.2,
            "n_min": 20,
            "pass_at_k": {
                "1": {"value": 0.12345, "ci95": [0.08, 0.17]},
                "10": {"value": 0.25, "ci95": None},
                "100": {"value": None, "ci95": None},
            },
        }
    ],
}


class AnySummary(BaseModel):
    """A summary with these fields."""

    model_config = ConfigDict(extra="allow")


def finished(
    root: Path,
    command: str,
    settings: StageSettings,
    inputs: tuple[Input, ...],
    files: Mapping[str, bytes | list[dict[str, Any]]],
    summary: Mapping[str, Any],
    *,
    name: str = "run",
    facts: Mapping[str, Any] | None = None,
) -> Artifact:
    """A finished run of a command with these files, in folders or not."""
    with Workspace(root).open_run(command, settings, Plan(command, inputs, 1, {}), name=name) as run:
        for path, content in files.items():
            (run.path / path).parent.mkdir(exist_ok=True)
            if isinstance(content, bytes):
                (run.path / path).write_bytes(content)
            else:
                write_rows(run.path / path, content)
        if command == "finetune":
            record = BaseRecord("smollm2-135m", "HuggingFaceTB/SmolLM2-135M-Instruct", None, "b" * 64, False, "float32")
            record.save(run.path / "adapter")
            (run.path / "loss.png").write_bytes(b"\x89PNG loss")
        outputs = tuple(sorted({path.partition("/")[0] for path in files}))
        return run.finish(StageResult(AnySummary(**summary), outputs, facts=facts or {}))


def built(root: Path) -> Artifact:
    """A run of build-data."""
    summary = {"licences": {}, "read": [SOURCE]}
    return finished(root, "build-data", BuildDataSettings(), (), {"train.jsonl": ROWS}, summary)


def tuned(root: Path, *data: Input, name: str = "run", earlier: Artifact | None = None, **settings: Any) -> Artifact:
    """A run of finetune on these data, whose first file is `data-0`."""
    files = {"adapter/adapter_model.safetensors": b"weights of " + name.encode(), "adapter/tokenizer.json": b"{}"}
    inputs = (BASE, *data, *([earlier.as_input("adapter")] if earlier else []))
    summary = {**TUNED, "rows": {made.name: 3 for made in data}}
    made = FinetuneSettings(max_steps=30, batch={"size": 4, "accumulation": 2}, **settings)
    return finished(root, "finetune", made, inputs, files, summary, name=name, facts={MANIFEST_KEY: CHECK})


def merged(root: Path, tuning: Artifact, *, gguf: bool = False) -> Artifact:
    """A run of merge-lora."""
    files = {"model/model.safetensors": b"all weights", "model/config.json": b"{}"}
    files |= {"model-f16.gguf": b"GGUF"} if gguf else {}
    inputs = (BASE, tuning.as_input("finetune"))
    return finished(root, "merge-lora", MergeSettings(), inputs, files, MERGED, facts={MANIFEST_KEY: CHECK})


def scored(root: Path, model: Artifact, *, name: str = "run", **changes: Any) -> Artifact:
    """Runs of sample and score of a model."""
    inputs = (Input("benchmark", "humaneval", "e" * 64), model.as_input())
    files = {"samples.jsonl": [{"by": name}]}
    sampled = finished(root, "sample", SampleSettings(), inputs, files, {}, name=name)
    verdicts = {"verdicts.jsonl": [{"a": 1}]}
    made = (sampled.as_input("sample"),)
    return finished(root, "score", ScoreSettings(), made, verdicts, {**SCORED, **changes}, name=name)
