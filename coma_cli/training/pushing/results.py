"""The scores of a model: as the Hub's files of results, and as rows of its card.

A file goes into `.eval_results/` for each score of a whole, published benchmark; the Hub shows it on the model's page
and, where the benchmark's data set has a leaderboard, there. Other scores are on the card alone.

Source: huggingface/hub-docs, eval_results.yaml; huggingface_hub, `EvalResultEntry`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.entry import HubTask
from coma_cli.corpus.decontamination.training_check import ContaminationStatus, sentence_of
from coma_cli.publishing.cards import as_yaml
from coma_cli.workspace import Artifact

FOLDER = ".eval_results"
_HUB = "https://huggingface.co"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.]+")
_PER_CENT = 100


@dataclass(frozen=True)
class ModelScore:
    """pass@k of one benchmark, protocol and temperature, in percent.

    `on_hub` is None where the score is not one to show on the Hub, for the reason `kept_back`.
    """

    bench: str
    protocol: str
    temperature: float | None
    problems: str
    samples: int
    values: tuple[tuple[str, float, tuple[float, float] | None], ...]
    training_data: str
    date: str
    on_hub: HubTask | None
    kept_back: str


def scores_in(artifacts: Sequence[Artifact]) -> list[ModelScore]:
    """The scores in runs of `score`, latest first; of several of the same kind only the latest."""
    found: dict[tuple[str, str, float | None], ModelScore] = {}
    for artifact in artifacts:
        for score in _of_run(artifact):
            found.setdefault((score.bench, score.protocol, score.temperature), score)
    return sorted(found.values(), key=lambda score: (score.bench, score.protocol, score.temperature or 0.0))


def _of_run(artifact: Artifact) -> Iterator[ModelScore]:
    summary = artifact.summary
    if "benchmark" not in summary:  # held-out rows, which no other model can be compared on
        return
    bench, source = summary["bench"], summary["benchmark"]
    status = summary.get("training_data")
    told = ContaminationStatus.model_validate(status) if status else None
    whole = f"{summary['problems']} of {summary['bench_problems']}" if summary["partial"] else str(summary["problems"])
    entry = BENCHMARKS.get(bench)
    on_hub = entry.on_hub if entry is not None else None
    kept_back = _kept_back(summary, source, told, on_hub)
    for result in summary["results"]:
        values = tuple(
            (k, _PER_CENT * value["value"], _interval(value))
            for k, value in result["pass_at_k"].items()
            if value["value"] is not None
        )
        yield ModelScore(
            bench=bench,
            protocol=result["protocol"],
            temperature=result["temperature"],
            problems=whole,
            samples=result["n_min"],
            values=values,
            training_data="" if told is None else sentence_of(told, bench),
            date=artifact.finished[:19] + "Z",
            on_hub=None if kept_back else on_hub,
            kept_back=kept_back,
        )


def _kept_back(summary: Any, source: Any, told: ContaminationStatus | None, on_hub: HubTask | None) -> str:
    """Why a score is not shown beside those of others; empty if it is."""
    if on_hub is None:
        return "the benchmark is not on the Hub"
    if not source["as_published"]:
        return "its problems differ from the published ones"
    if summary["partial"] or summary["excluded"]:
        return "not all problems were scored"
    if told is not None and told.state == "kept":
        return "the model was tuned on rows with its problems"
    return ""


def _interval(value: Any) -> tuple[float, float] | None:
    ends = value.get("ci95")
    return None if ends is None else (_PER_CENT * ends[0], _PER_CENT * ends[1])


def result_files(scores: Sequence[ModelScore], repository: str) -> dict[str, str]:
    """The files of results by their names in the repository of the model, each with pass@1 of one score."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    files: dict[str, str] = {}
    for score in scores:
        first = next((value for k, value, _ in score.values if k == "1"), None)
        if score.on_hub is None or first is None:
            continue
        entry = EvalResultEntry(
            dataset_id=score.on_hub.dataset,
            task_id=score.on_hub.task,
            value=round(first, 2),
            date=score.date,
            source_url=f"{_HUB}/{repository}",
            source_name="coma score",
            notes=_notes(score),
        )
        files[f"{FOLDER}/{_file_name(score)}.yaml"] = as_yaml(eval_result_entries_to_yaml([entry]))
    return files


def _notes(score: ModelScore) -> str:
    parts = ["pass@1 in percent", f"protocol {score.protocol}", f"{score.samples} samples per problem"]
    parts += [] if score.temperature is None else [f"temperature {score.temperature:g}"]
    return ", ".join(parts)


def _file_name(score: ModelScore) -> str:
    name = f"{score.bench.replace('+', '-plus')} {score.protocol}"
    name += "" if score.temperature is None else f" t{score.temperature:g}"
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-")
