"""The main figures of a run, read from its summary and manifest: rows, loss, samples, pass@1, dollars.

The stages' own headlines import what does their work. This page reads fields by name and skips what a summary of
another version of coma lacks, so that a table of a thousand runs takes no longer than reading their files.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Fields = Mapping[str, Any]


def figures_of(command: str, summary: Fields, manifest: Fields) -> dict[str, Any]:
    """The main figures of a finished run by name, as JSON types; empty where nothing is known."""
    read = _READERS.get(command)
    found = dict(read(summary)) if read is not None else {}
    dollars = _first(manifest.get("cost_usd"), summary.get("usd"))
    if dollars is not None:
        found["usd"] = dollars
    if isinstance(manifest.get("to_do_over"), int) and manifest["to_do_over"]:
        found["to_do_over"] = manifest["to_do_over"]
    return found


def line_of(figures: Fields) -> str:
    """The figures in one line; a sample's model is among what it was made from."""
    return ", ".join(_SHOWN[name](value) for name, value in figures.items() if name in _SHOWN)


def _number(value: object) -> float | int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None  # type: ignore[return-value]


def _first(*values: object) -> float | int | None:
    return next((number for value in values if (number := _number(value)) is not None), None)


def _inner(value: Any, *path: str) -> Any:
    """A value in nested mappings; None where one of them is missing."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _named(fields: Fields, numbers: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Any]]:
    """The numbers that are there, by the names to give them and the paths to find them at."""
    for name, path in numbers.items():
        if (number := _number(_inner(fields, *path))) is not None:
            yield name, number


def _texts(fields: Fields, *names: str) -> Iterator[tuple[str, Any]]:
    return ((name, fields[name]) for name in names if isinstance(fields.get(name), str))


def _of_build_data(summary: Fields) -> Iterator[tuple[str, Any]]:
    yield from _named(summary, {"train": ("rows", "train"), "validation": ("rows", "validation")})


def _of_gen_instructions(summary: Fields) -> Iterator[tuple[str, Any]]:
    yield from _named(summary, {"train": ("train",), "validation": ("validation",)})


def _of_finetune(summary: Fields) -> Iterator[tuple[str, Any]]:
    yield from _texts(summary, "mode")
    names = {"rows": ("rows_trained_on",), "steps": ("steps",), "loss": ("last_loss",)}
    yield from _named(summary, {**names, "validation_loss": ("best", "loss")})


def _of_merge_lora(summary: Fields) -> Iterator[tuple[str, Any]]:
    yield from _texts(summary, "dtype")
    yield from _named(summary, {"greedy_agreement": ("greedy_agreement",)})


def _of_sample(summary: Fields) -> Iterator[tuple[str, Any]]:
    yield from _texts(summary, "bench", "model")
    yield from _named(summary, {"n": ("n",), "problems": ("problems",), "samples": ("samples",)})


def _of_score(summary: Fields) -> Iterator[tuple[str, Any]]:
    yield from _texts(summary, "bench")
    sampled = {"n": ("n_min",)} if summary.get("n_min") else {}
    yield from _named(summary, {"rows": ("rows",), "problems": ("problems",), **sampled})
    if "resamples" in summary:
        yield from _task_metrics(summary)
    else:
        yield from _pass_at_1(summary)


def _pass_at_1(summary: Fields) -> Iterator[tuple[str, Any]]:
    estimate = _inner(summary, "pass_at_k", "1")
    value = _number(_inner(estimate, "value"))
    if value is None:
        checked = _named(summary, {"references": ("references", "checked"), "passed": ("references", "passed")})
        yield from checked if not summary.get("results") else ()
        return
    yield "pass@1", {"value": value, "ci95": _interval(estimate)}


def _task_metrics(summary: Fields) -> Iterator[tuple[str, Any]]:
    """The first metric of each task."""
    results = summary.get("results")
    metrics: dict[str, Any] = {}
    for result in results if isinstance(results, list) else ():
        listed = _inner(result, "metrics")
        first: Any = listed[0] if isinstance(listed, list) and listed else None
        value = _number(_inner(first, "value"))
        if value is not None and result.get("language") is None:
            found = {"metric": str(first.get("metric")), "value": value, "ci95": _interval(first)}
            metrics.setdefault(str(result.get("task")), found)
    if metrics:
        yield "tasks", metrics


def _interval(estimate: Fields) -> list[float] | None:
    bounds = estimate.get("ci95")
    is_pair = isinstance(bounds, (list, tuple)) and len(bounds) == 2 and all(_number(b) is not None for b in bounds)
    return list(bounds) if is_pair and bounds is not None else None


def _percent(estimate: Fields) -> str:
    interval = estimate.get("ci95")
    shown = f"{100 * estimate['value']:.1f} %"
    return shown if interval is None else f"{shown} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def _measured(tasks: Fields) -> str:
    first = [f"{task} {one['metric']} {_percent(one)}" for task, one in list(tasks.items())[:2]]
    return "; ".join([*first, *([f"{len(tasks) - 2} more tasks"] if len(tasks) > 2 else [])])


_READERS: Mapping[str, Callable[[Fields], Iterator[tuple[str, Any]]]] = {
    "build-data": _of_build_data,
    "gen-instructions": _of_gen_instructions,
    "finetune": _of_finetune,
    "merge-lora": _of_merge_lora,
    "sample": _of_sample,
    "score": _of_score,
}
_SHOWN: Mapping[str, Callable[[Any], str]] = {
    "train": lambda value: f"train {value}",
    "validation": lambda value: f"validation {value} rows",
    "mode": str,
    "dtype": str,
    "bench": str,
    "rows": lambda value: f"{value} rows",
    "steps": lambda value: f"{value} steps",
    "loss": lambda value: f"loss {value:.3g}",
    "validation_loss": lambda value: f"validation loss {value:.3g}",
    "greedy_agreement": lambda value: f"{100 * value:.2f} % of greedy choices equal",
    "n": lambda value: f"n = {value}",
    "problems": lambda value: f"{value} problems",
    "samples": lambda value: f"{value} samples",
    "pass@1": lambda value: f"pass@1 {_percent(value)}",
    "tasks": _measured,
    "references": lambda value: f"references checked: {value}",
    "passed": lambda value: f"{value} pass",
    "usd": lambda value: f"${value:.2f}",
    "to_do_over": lambda value: f"{value} rows to do over",
}
