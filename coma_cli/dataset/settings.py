"""The settings of build-data."""

from typing import Any, Literal

from pydantic import Field, field_validator

from coma_cli.catalog import lookup
from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.mixtures.mixture import Mixture, Size
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.cleaning.cleaning import CleaningRules
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.dataset.exports import Export
from coma_cli.errors import UsageError
from coma_cli.parallel.ray_cluster import Cluster
from coma_cli.records import TextLanguage
from coma_cli.settings import Runtime, StageSettings

# Paths on this machine do not change the rows: the inputs count by their content hashes.
_PLACES = frozenset(
    {"sources", "source", "from_repo", "stackexchange", "bench_data", "with_generated"}
    | {"dedup_against", "decontaminate_against"}
)

HUB = "hub"
SourceSplit = Literal["train", "validation", "test", "any"]


class BuildDataRuntime(Runtime):
    """Where the files are read."""

    cluster: Cluster | None = Field(
        default=None,
        description="ray: on the nodes of RAY_ADDRESS, which have to see the sources at the same paths.",
    )


class BuildDataSettings(StageSettings):
    """Which rows are made, from what."""

    tasks: tuple[str, ...] = Field(default=("all",), min_length=1, description="Names of tasks, or all.")
    sources: str | None = Field(
        default=None,
        description="hub, or a folder of sources in their publishers' forms; hub if nothing else is given.",
    )
    source: dict[str, str] = Field(default_factory=dict, description="A file or folder for a source, by its name.")
    source_splits: tuple[SourceSplit, ...] = Field(
        default=("train",), min_length=1, description="Upstream splits to read: train, validation, test; any: all."
    )
    from_repo: tuple[str, ...] = Field(
        default=(), description="Folders of code to mine; stdlib: Python's standard library."
    )
    stackexchange: str | None = Field(
        default=None, description="A Stack Exchange dump to mine: Posts.xml, or an archive or folder that holds it."
    )
    with_generated: tuple[str, ...] = Field(
        default=(), description="Runs of gen-instructions (names or folders), or files of rows, to take in."
    )
    lang: tuple[TextLanguage, ...] = Field(default=("cn", "en"), min_length=1, description="Text languages: en, cn.")
    mix: str = Field(
        default="comit",
        description=f"The table of sub-datasets that rows are counted and cut by: {', '.join(MIXTURES)}.",
    )
    size: Size | None = Field(
        default=None,
        description="paper: as many rows as the table says; a number: its counts scaled to so many rows in all; "
        "default: all there are. Rows of no sub-dataset are not cut.",
    )
    per_task: int | None = Field(default=None, ge=1, description="At most so many rows of each task.")
    export: tuple[Export, ...] = Field(
        default=(), description="Further forms to write: alpaca, sharegpt, messages, parquet."
    )
    decontaminate: bool = Field(default=True, description="Leave out rows that share text with a benchmark.")
    bench_data: str | None = Field(
        default=None, description="File or folder of benchmark problems (MBPP) to keep clear of."
    )
    decontaminate_against: tuple[str, ...] = Field(
        default=(), description="Files of problems or rows to keep clear of, beside the known benchmarks."
    )
    dedup_against: tuple[str, ...] = Field(
        default=(), description="Files of rows: what equals or comes near to one of them is left out."
    )
    validation_share: float = Field(
        default=0.05, ge=0, lt=1, description="Share of rows for validation (0 to below 1)."
    )
    skip_broken_sources: bool = Field(default=False, description="Leave out a source that can't be read as a whole.")
    cleaning: CleaningRules = CleaningRules()
    near: NearRules = NearRules()
    runtime: BuildDataRuntime = BuildDataRuntime()

    @field_validator("lang")
    @classmethod
    def _in_one_order(cls, value: tuple[TextLanguage, ...]) -> tuple[TextLanguage, ...]:
        return tuple(sorted(set(value)))

    @field_validator("source_splits", mode="after")
    @classmethod
    def _any_is_all(cls, value: tuple[SourceSplit, ...]) -> tuple[SourceSplit, ...]:
        return ("any",) if "any" in value else tuple(sorted(set(value)))

    def reads_split(self, split: str) -> bool:
        """Whether rows of this upstream split are requested; those without a split always are."""
        return not split or "any" in self.source_splits or split in self.source_splits

    @field_validator("tasks", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("size")
    @classmethod
    def _positive(cls, value: Size | None) -> Size | None:
        if isinstance(value, int) and value < 1:
            raise ValueError("a size is paper or a number from 1 on")
        return value

    @field_validator("export", mode="before")
    @classmethod
    def _each_once(cls, value: object) -> object:
        names = value.split(",") if isinstance(value, str) else value
        return sorted(set(names)) if isinstance(names, (list, tuple)) else names

    @property
    def asks_hub(self) -> bool:
        """Whether sources come from the Hugging Face Hub: if told so, or if nothing else is given to build from."""
        own = self.sources or self.from_repo or self.source or self.with_generated or self.stackexchange
        return self.sources == HUB or not own

    @property
    def mixture(self) -> Mixture:
        """The table of sub-datasets.

        Raises:
            UsageError: unknown name.
        """
        return lookup("mixture", self.mix, MIXTURES)

    @property
    def rules(self) -> CleaningRules:
        """The limits of cleaning, for the requested text languages."""
        return self.cleaning.model_copy(update={"text_languages": self.lang})

    def identity(self) -> dict[str, Any]:
        """All that changes a row; paths do not: what they hold counts by its hash, as the run's inputs."""
        identity = {name: value for name, value in super().identity().items() if name not in _PLACES}
        return {**identity, "tasks": list(self.chosen_tasks())}

    def chosen_tasks(self) -> tuple[str, ...]:
        """The requested tasks, in the order of the catalogue.

        Raises:
            UsageError: unknown name, or none.
        """
        wanted = {name.strip() for name in self.tasks if name.strip()}
        if not wanted:
            raise UsageError("--tasks names no task.", f"Give all, or some of: {', '.join(TASKS)}")
        for name in sorted(wanted - {"all"}):
            lookup("task", name, TASKS, hint=f"Known: all, {', '.join(sorted(TASKS))}")
        return tuple(name for name in TASKS if name in wanted or "all" in wanted)
