"""The best temperature for each k, as the Codex paper reports pass@k.

Source: Chen et al. 2021 (arXiv:2107.03374), section 3.3 and figure 5: low temperatures are best for small k, high ones
for large k. The temperature is chosen on the problems that it is reported on, so the figure is optimistic.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.evaluation.results import Result, temperature_text

CAVEAT = "chosen on the same problems, so these figures are optimistic"


class BestTemperature(BaseModel):
    """The temperature with the highest pass@k of one protocol; of equal ones the lowest."""

    model_config = ConfigDict(frozen=True)

    protocol: str
    k: int
    temperature: float
    value: float
    temperatures: int


def best_temperatures(results: Sequence[Result]) -> list[BestTemperature]:
    """The best temperature per protocol and k, where at least two stated temperatures can be compared.

    Temperatures are compared on the same number of problems only.
    """
    found = []
    for protocol in dict.fromkeys(result.protocol for result in results):
        stated = [r for r in results if r.protocol == protocol and r.temperature is not None]
        for k in dict.fromkeys(k for result in stated for k in result.pass_at_k):
            values = [
                (estimate.value, result.temperature)
                for result in stated
                if (estimate := result.pass_at_k.get(k)) is not None
                and estimate.value is not None
                and result.temperature is not None
                and result.problems == stated[0].problems
            ]
            if len(values) > 1:
                value, temperature = max(values, key=lambda pair: (pair[0], -pair[1]))
                found.append(
                    BestTemperature(
                        protocol=protocol, k=int(k), temperature=temperature, value=value, temperatures=len(values)
                    )
                )
    return found


def lines(best: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line per protocol for a person."""
    protocols = list(dict.fromkeys(entry["protocol"] for entry in best))
    for protocol in protocols:
        parts = [
            f"pass@{entry['k']} {100 * entry['value']:.2f} % at {temperature_text(entry['temperature'])}"
            for entry in best
            if entry["protocol"] == protocol
        ]
        name = f" ({protocol})" if len(protocols) > 1 else ""
        yield f"Best temperature per k{name}: {', '.join(parts)}; {CAVEAT}"
