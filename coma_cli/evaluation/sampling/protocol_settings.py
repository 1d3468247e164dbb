"""The sampling settings that belong to a protocol: where they come from, what overrides them, who can apply them."""

from collections.abc import Iterator
from typing import Any

from coma_cli.catalog.benchmarks.protocols import SamplingProtocol
from coma_cli.engines.unsupported import UNSUPPORTED, option_of
from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.models.resolution import ResolvedBase


def refused_options(settings: SampleSettings, protocol: SamplingProtocol) -> Iterator[UsageError]:
    """An error for each setting that the engine can't apply; where a protocol brings it, that is a departure."""
    for name, reason in UNSUPPORTED.get(settings.engine_name, {}).items():
        if (
            protocol.settings.get(name) != getattr(settings, name)
            and getattr(settings, name) != SampleSettings.model_fields[name].default
        ):
            option, other = option_of(name), "vllm" if name == "engine_args" else "transformers"
            yield UsageError(
                f"The {settings.engine_name} engine has no {option}: it {reason}.",
                f"Omit {option}, or use --engine {other}.",
            )


def departures(settings: SampleSettings, protocol: SamplingProtocol) -> list[str]:
    """What differs from the protocol's own settings, in words."""
    found = []
    for name, published in protocol.settings.items():
        used = getattr(settings, name, None)
        if name == "quantize" and used != published:
            found.append(f"the base was not quantized to {published}")
        elif name in UNSUPPORTED.get(settings.engine_name, {}):
            found.append(f"{name} {_text(published)} can't be applied by the {settings.engine_name} engine")
        elif used != published:
            found.append(f"{name} {_text(used)} instead of {_text(published)}")
    if protocol.settings and settings.stop is not None and settings.stop != protocol.stops:
        found.append("other stop texts")
    return found


def _text(value: Any) -> str:
    return ",".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value}"


def with_model_settings(settings: SampleSettings, resolved: ResolvedBase) -> tuple[SampleSettings, list[str]]:
    """The settings with those of the model's generation_config.json where none are given, and what was taken.

    Without `do_sample` the model's authors decode greedily.
    """
    from coma_cli.models.loading import load_generation_config

    config = load_generation_config(resolved, trust=settings.runtime.trust)
    found: dict[str, Any] = {"temperature": (0.0,)}
    if config.do_sample:
        found = {"temperature": (float(config.temperature if config.temperature is not None else 1.0),)}
        found["top_p"] = float(config.top_p if config.top_p is not None else 1.0)
        found["top_k"] = int(config.top_k if config.top_k is not None else 0)
    if config.repetition_penalty is not None:
        found["repetition_penalty"] = float(config.repetition_penalty)
    if config.max_new_tokens:
        found["max_new_tokens"] = int(config.max_new_tokens)
    taken = {name: value for name, value in found.items() if name not in settings.model_fields_set}
    return settings.model_copy(update=taken), [f"{name} {_text(value)}" for name, value in taken.items()]
