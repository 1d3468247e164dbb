"""The settings of `coma score`."""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from coma_cli.catalog import canonical
from coma_cli.catalog.benchmarks import BENCHMARKS, SAMPLED, VALIDATION
from coma_cli.catalog.benchmarks.own_names import with_own_file
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.sandbox.read_list import PACKAGES
from coma_cli.settings import Flag, Kind, Runtime, StageSettings, Unset, Workers
from coma_cli.workspace import runs_of

INPUT, RESULT, LIMITS, MACHINE = "Input", "Result", "Limits", "Execution"

_THRESHOLD = re.compile(r"pass@([1-9]\d{0,5})\s*=\s*(0?\.\d+|[01](?:\.0*)?|\d{1,3}(?:\.\d+)?\s*%)")


def parse_threshold(text: str) -> tuple[int, float]:
    """K and the least pass@k of "pass@1=0.3" or "pass@1=30%".

    Raises:
        ValueError: it is written otherwise, or is above 1.
    """
    hit = _THRESHOLD.fullmatch(text.strip())
    if hit is None:
        raise ValueError("must be written as pass@1=0.3 or pass@1=30%")
    value = float(hit[2].rstrip("% ")) / (100 if hit[2].endswith("%") else 1)
    if value > 1:
        raise ValueError("pass@k cannot be above 1")
    return int(hit[1]), value


def _is_threshold(text: str) -> str:
    parse_threshold(text)
    return text


class ScoreRuntime(Runtime):
    """How programs run on this machine, and what the exit code depends on."""

    workers: Annotated[Workers, Flag("--workers", panel=MACHINE)] = None
    fail_under: Annotated[
        tuple[Annotated[str, AfterValidator(_is_threshold)], ...],
        Flag("--fail-under", panel=RESULT, repeat=True),
        Kind("pass@K=X"),
    ] = Field(default=(), description="Exit with status 6 if the result is below this, as pass@1=0.3 or pass@1=30%")
    fail_if_worse_than: Annotated[
        str | None,
        Flag("--fail-if-worse-than", panel=RESULT, complete=runs_of("score")),
        Kind("RUN"),
        Unset("nothing is compared"),
    ] = Field(
        default=None,
        description="Exit with status 6 if the result is worse than that of another score run (name or folder), by a "
        "paired one-sided test at 5 %",
    )
    strict_references: Annotated[bool, Flag("--strict-references", panel=RESULT)] = Field(
        default=False, description="Exit with status 1 if a reference fails here, instead of excluding its problem"
    )
    i_know: Annotated[bool, Flag("--allow-unsafe", panel=MACHINE), Flag("--i-know", panel=MACHINE, hidden=True)] = (
        Field(
            default=False,
            description="Consent to --isolation none: generated programs then run with your rights",
        )
    )
    cluster: Annotated[Literal["ray"] | None, Flag("--cluster", panel=MACHINE), Unset("this machine only")] = Field(
        default=None, description="Run the programs on the nodes of a Ray cluster (RAY_ADDRESS)"
    )


class ScoreSettings(StageSettings):
    """The settings of `coma score`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"k", "explain", "plot", "keep_failures"})

    bench: Annotated[
        str | None,
        Flag("--bench", panel=INPUT, complete=lambda _: SAMPLED),
        Kind("NAME|FILE|DIR"),
        Unset("that of the latest samples"),
    ] = Field(
        default=None,
        description=f"Benchmark: {', '.join(BENCHMARKS)}; {VALIDATION}; or a file or folder of your own rows",
    )
    samples: Annotated[
        tuple[str, ...],
        Flag("--samples", panel=INPUT, repeat=True, complete=runs_of("sample")),
        Kind("RUN|FILE"),
        Unset("the latest sample run"),
    ] = Field(default=(), description="Samples to score: a sample run (name or folder), or files of samples")
    bench_data: Annotated[Path | None, Flag("--bench-data", panel=INPUT), Kind("FILE|DIR")] = Field(
        default=None, description="Published file of the benchmark, for samples from files"
    )
    k: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Flag("-k", "--k", panel=RESULT, split=True),
        Kind("K,..."),
        Unset("those of 1, 10 and 100 that all problems have enough samples for"),
    ] = Field(default=(), description="The k of pass@k, as 1,10,100")
    protocol: Annotated[
        tuple[str, ...],
        Flag("--protocol", panel=RESULT, split=True, complete=lambda _: PROTOCOLS),
        Kind("NAME,..."),
    ] = Field(
        default=("default",),
        min_length=1,
        description=f"How programs are extracted from completions: {', '.join(PROTOCOLS)}",
    )
    timeout_s: Annotated[float | None, Flag("--timeout", panel=LIMITS), Unset("the benchmark's, or more")] = Field(
        default=None, ge=0.05, le=86_400, description="CPU time limit per program (s)"
    )
    memory_mb: Annotated[int | None, Flag("--memory", panel=LIMITS), Unset("the benchmark's")] = Field(
        default=None, ge=32, le=1_048_576, description="Memory limit per program (MB)"
    )
    mode: Annotated[Literal["split", "inproc"], Flag("--mode", panel=MACHINE)] = Field(
        default="split",
        description="Where the tests run: split, in another process than the program; inproc, in the same one",
    )
    isolation: Annotated[Literal["auto", "ns", "landlock", "none"], Flag("--isolation", panel=MACHINE)] = Field(
        default="auto", description="Isolation level; auto takes the strongest that this machine supports"
    )
    allow_fork: Annotated[bool, Flag("--allow-fork", panel=LIMITS)] = Field(
        default=False, description="Let programs start processes"
    )
    python: Annotated[str | None, Flag("--python", panel=MACHINE), Kind("FILE"), Unset("the one running coma")] = Field(
        default=None, description="Python interpreter that runs the programs, 3.10 or newer"
    )
    packages: Annotated[tuple[str, ...], Flag("--packages", panel=MACHINE, split=True), Kind("NAME,...")] = Field(
        default=(),
        description=f"Installed packages that programs may import, beside {', '.join(PACKAGES)}",
    )
    share: Annotated[
        bool, Flag("--no-share", sets=False, panel=MACHINE, help="Run identical programs of a problem separately")
    ] = Field(default=True, description="Run identical programs of a problem only once")
    check_references: Annotated[bool, Flag("--check-references", panel=INPUT)] = Field(
        default=False, description="Only run the benchmark's own solutions"
    )
    explain: Annotated[bool, Flag("--explain", panel=RESULT)] = Field(
        default=False, description="Report why samples fail, and what the other protocols would have given"
    )
    keep_failures: Annotated[int, Flag("--keep-failures", panel=RESULT), Kind("N")] = Field(
        default=2000, ge=0, description="Failed samples whose program and failed test are kept in failures.jsonl"
    )
    plot: Annotated[bool, Flag("--plot", panel=RESULT)] = Field(
        default=False, description="Plot pass@k against k (pass_at_k.png in the run's folder)"
    )
    runtime: ScoreRuntime = ScoreRuntime()

    @model_validator(mode="before")
    @classmethod
    def _with_own_file(cls, values: Any) -> Any:
        """A benchmark of one's own is given as its file."""
        return with_own_file(values, SAMPLED)

    @field_validator("bench")
    @classmethod
    def _as_in_the_catalogue(cls, value: str | None) -> str | None:
        return None if value is None else canonical(value, SAMPLED)

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
        """The k to compute, those of the thresholds too: other ones are computed from the same verdicts."""
        return {**super().extent(), "thresholds": sorted({parse_threshold(t)[0] for t in self.runtime.fail_under})}

    def identity(self) -> dict[str, Any]:
        """As for every stage, but without the names of inputs: their content counts, wherever they lie."""
        named = {"bench", "samples", "bench_data"}
        return {name: value for name, value in super().identity().items() if name not in named}
