"""The card of an adapter or a model: base, data, recipe, licences, what is known of benchmarks in its data, results.

Its header has what the Hugging Face Hub reads. Source: huggingface/hub-docs, modelcard.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.catalog.licences.hub_names import hub_licence
from coma_cli.console import flatten
from coma_cli.publishing.cards import header_of, table
from coma_cli.training.modes import MODES
from coma_cli.training.plot import PLOT
from coma_cli.training.pushing.lineage import ADAPTER, Lineage, OriginData
from coma_cli.training.pushing.results import ModelScore
from coma_cli.training.rates import default_rate
from coma_cli.training.settings import LoraBlock
from coma_cli.words import count_of

_MOST_LISTED = 12  # licences or sources of a file
_UNKNOWN = "unknown"


def model_card(lineage: Lineage, scores: Sequence[ModelScore], name: str) -> str:
    """The whole card of the model `name` (`OWNER/NAME`)."""
    lines = [
        header_of(card_header(lineage)),
        f"# {name.rpartition('/')[2]}",
        "",
        *_opening(lineage),
        *_use(lineage, name),
        *_licences(lineage),
        *_data(lineage),
        *_training(lineage),
        *_merge(lineage),
        *_benchmarks(lineage),
        *_results(scores),
        *_made_with(lineage),
    ]
    return "\n".join(lines).rstrip() + "\n"


def card_header(lineage: Lineage) -> dict[str, Any]:
    """What the Hub reads: licence, base and its relation, library, data sets, tags."""
    base, adapter = lineage.base, lineage.output == ADAPTER
    header: dict[str, Any] = dict(hub_licence([base.licence] if base.licence else []))
    if base.hub_id:
        header |= {"base_model": base.hub_id, "base_model_relation": "adapter" if adapter else "finetune"}
    header |= {"library_name": "peft" if adapter else "transformers", "pipeline_tag": "text-generation"}
    if data_sets := sorted({data.hub_id for data in lineage.data if data.hub_id}):
        header["datasets"] = data_sets
    return {**header, "tags": ["code", "coma", *(["lora"] if _mode(lineage) != "full" else [])]}


def _mode(lineage: Lineage) -> str:
    return str(lineage.tunings[0].summary["mode"]) if lineage.tunings else "lora"


def _opening(lineage: Lineage) -> Iterator[str]:
    what = "A LoRA adapter for" if lineage.output == ADAPTER else "A model tuned from"
    at = f" at `{lineage.base.revision}`" if lineage.base.revision else ""
    named = f"[{lineage.base.name}](https://huggingface.co/{lineage.base.hub_id})" if lineage.base.hub_id else None
    yield f"{what} {named or lineage.base.name}{at}, made with `coma {lineage.artifact.command}`."
    yield ""


def _use(lineage: Lineage, name: str) -> Iterator[str]:
    yield from ("## Using it", "", "```python")
    if lineage.output == ADAPTER:
        yield from ("from peft import AutoPeftModelForCausalLM", "")
        yield f'model = AutoPeftModelForCausalLM.from_pretrained("{name}")'
    else:
        yield from ("from transformers import AutoModelForCausalLM", "")
        yield f'model = AutoModelForCausalLM.from_pretrained("{name}")'
    yield from ("```", "", "The tokenizer in this repository has the chat template of the training.", "")


def _licences(lineage: Lineage) -> Iterator[str]:
    known = lineage.base.licence or "not known to coma: see its own page"
    yield from ("## Licence", "", f"The base's licence: {known}. The licences of the data are listed below.", "")


def _data(lineage: Lineage) -> Iterator[str]:
    yield from ("## Data", "")
    if not lineage.data:
        yield from ("Nothing is recorded of the rows that it was tuned on.", "")
        return
    columns = ("Data", "Rows", "Made by", "Licences (rows)", "SHA-256")
    yield from table(columns, [_data_row(data) for data in lineage.data])
    for data in lineage.data:
        if data.read:
            yield from (f"Sources of {data.name}:", "")
            yield from table(("Source", "Rows", "Licence", "Upstream", "Citation"), [*_sources(data)])
        elif data.sources:
            yield from (f"Sources of {data.name}: {_counts(data.sources)}.", "")


def _data_row(data: OriginData) -> tuple[str, ...]:
    link = f"[{data.name}](https://huggingface.co/datasets/{data.hub_id})" if data.hub_id else data.name
    licences = _counts(data.licences) if data.licences else "not recorded"
    return link, str(data.rows), data.made_by or "", licences, f"`{data.content_sha256[:16]}`"


def _counts(counts: Mapping[str, int]) -> str:
    shown = [f"{name} ({count})" for name, count in list(counts.items())[:_MOST_LISTED]]
    more = len(counts) - len(shown)
    return ", ".join([*shown, *([f"{more} more"] if more else [])])


def _sources(data: OriginData) -> Iterator[tuple[str, ...]]:
    for source in data.read:
        count = (data.sources or {}).get(source["name"], 0)
        yield source["name"], str(count), source["licence"], source["url"], source["citation"]


def _training(lineage: Lineage) -> Iterator[str]:
    for number, tuning in enumerate(lineage.tunings):
        summary = tuning.summary
        yield from ("## Training" if number == 0 else "## Training before that", "")
        yield (
            f"{count_of(summary['steps'], 'step')} ({summary['epochs']:g} epochs) on "
            f"{count_of(summary['rows_trained_on'], 'row')}, {summary['tokens']:,} tokens; "
            f"{summary['trainable_parameters']:,} of {summary['parameters']:,} parameters trained; "
            f"loss {summary['first_loss']:.4f} at the first step, {summary['last_loss']:.4f} at the end"
            f"{_best(summary)}."
        )
        yield ""
        if number == 0 and (tuning.path / PLOT).is_file():
            yield from (f"![Loss and learning rate]({PLOT})", "")
        yield from table(("Setting", "Value"), [*_hyperparameters(tuning.settings, summary)])
        if departures := tuning.settings.get("departures"):
            yield from ("Departures from the recipe that it follows:", "", *(f"* {line}" for line in departures), "")


def _best(summary: Mapping[str, Any]) -> str:
    best = summary["best"]
    if best is None:
        return ""
    kept = ", whose weights these are" if summary["step_of_output"] == best["step"] else ""
    return f"; lowest validation loss {best['loss']:.4f} at step {best['step']}{kept}"


def _hyperparameters(settings: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The settings that decide the weights; of files only the names."""
    full = settings["mode"] == "full"
    kept = {
        "mode": settings["mode"],
        "template": summary["template"],
        "dtype": summary["dtype"],
        "max_seq_len": settings["max_seq_len"],
        "seed": settings["seed"],
        **({} if full else {"lora": settings["lora"]}),
        "optimizer": settings["optimizer"],
        "batch": {**settings["batch"], "size": summary["batch_size"]},
        "rows": settings["rows"],
    }
    for name, value in flatten(kept):
        shown = value
        if name == "optimizer.learning_rate" and value is None:
            shown = default_rate(MODES[settings["mode"]], summary["parameters"]).value
        if name == "lora.alpha" and value is None:
            shown = LoraBlock.model_validate(settings["lora"]).scaling_alpha
        if name == "batch.accumulation":
            shown = value * settings["batch"]["size"] // summary["batch_size"]
        if shown not in (None, {}, []):
            yield f"`{name}`", Path(str(shown)).name if name == "template" else _text(shown)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _merge(lineage: Lineage) -> Iterator[str]:
    if lineage.artifact.command != "merge-lora":
        return
    summary = lineage.artifact.summary
    yield from ("## Merge", "")
    yield (
        f"Merged in {summary['dtype']} into {summary['merged_into']}, and compared with base and adapter at "
        f"{summary['positions']:,} positions: logits differ by at most {summary['max_logit_difference']:.3g}, mean KL "
        f"divergence {summary['kl_divergence']:.3g}, the same most likely token at "
        f"{100 * summary['greedy_agreement']:.2f} %."
    )
    yield ""


def _benchmarks(lineage: Lineage) -> Iterator[str]:
    yield from ("## Benchmarks in the training data", "")
    check = lineage.check
    if check is None:
        yield from ("The training data is unknown to coma, so nothing is known of benchmarks in it.", "")
        return
    covers = ", ".join(check.covers)
    yield f"All rows were checked against: {covers}." if covers else "Not all rows were checked against any benchmark."
    yield ""
    if not check.found:
        if covers:
            yield from ("No row holds a problem, solution or test of them.", "")
        return
    kept = {bench: sum(sum(file.kept.get(bench, {}).values()) for file in check.files) for bench in check.found}
    rows = [(bench, str(count), str(kept[bench])) for bench, count in check.found.items()]
    yield from table(("Benchmark", "Rows with part of it", "Trained on"), rows)


def _results(scores: Sequence[ModelScore]) -> Iterator[str]:
    yield from ("## Results", "")
    if not scores:
        yield from ("No score of this model is recorded.", "")
        return
    columns = ("Benchmark", "Problems", "Protocol", "Temperature", "Samples per problem", "pass@k in percent (95 % CI)")
    yield from table(columns, [_result_row(score) for score in scores])
    for line in dict.fromkeys(score.training_data for score in scores if score.training_data):
        yield f"* {line}."
    for score in scores:
        if score.kept_back:
            yield f"* {score.bench}, {score.protocol}: not among the Hub's results, since {score.kept_back}."
    yield ""


def _result_row(score: ModelScore) -> tuple[str, ...]:
    values = [f"pass@{k} {value:.1f}{_interval(ends)}" for k, value, ends in score.values]
    temperature = "not stated" if score.temperature is None else f"{score.temperature:g}"
    return score.bench, score.problems, score.protocol, temperature, str(score.samples), ", ".join(values)


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" ({ends[0]:.1f} to {ends[1]:.1f})"


def _made_with(lineage: Lineage) -> Iterator[str]:
    manifest = lineage.artifact.manifest
    packages = manifest.get("packages", {})
    names = {"coma": manifest.get("coma", _UNKNOWN), "Python": manifest.get("python", _UNKNOWN)}
    names |= {name: packages[name] for name in ("torch", "transformers", "peft") if name in packages}
    yield from ("## Made with", "", ", ".join(f"{name} {version}" for name, version in names.items()) + ".", "")
