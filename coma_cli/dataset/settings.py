"""The settings of build-data."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from coma_cli.catalog import canonical, lookup
from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.mixtures.mixture import Mixture, Size
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.cleaning.rules import CleaningRules, KeptLicences
from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.dataset.exports import Export
from coma_cli.errors import UsageError
from coma_cli.parallel.ray_cluster import Cluster
from coma_cli.records import TextLanguage
from coma_cli.settings import Flag, Kind, PushToHub, Runtime, StageSettings, Unset, Workers
from coma_cli.workspace import runs_of

# Paths on this machine do not change the rows: the inputs count by their content hashes.
_PLACES = frozenset(
    {"sources", "source", "from_repo", "stackexchange", "bench_data", "with_generated", "strict", "wordings"}
    | {"dedup_against", "decontaminate_against"}
)
_ELSEWHERE = frozenset({"push_to_hub", "private"})  # where a finished run goes

HUB = "hub"
DEFAULT_MIX = "comit"
INPUT, ROWS, FILTERS, OUTPUT, EXECUTION = "Input", "Rows", "Filters", "Output", "Execution"
SourceSplit = Literal["train", "validation", "test", "any"]
Behaviour = Literal["off", "report", "drop"]  # what becomes of rows that solve a benchmark problem


def _sources(_: Path) -> list[str]:
    from coma_cli.catalog.sources import SOURCES

    return [f"{name}=" for name in SOURCES]


class BuildDataRuntime(Runtime):
    """How the work is spread over processes and machines."""

    workers: Annotated[Workers, Flag("--workers", panel=EXECUTION)] = None
    cluster: Annotated[Cluster | None, Flag("--cluster", panel=EXECUTION), Unset("this machine only")] = Field(
        default=None,
        description="Run on the nodes of a Ray cluster (RAY_ADDRESS), which must see the sources at the same paths",
    )


class BuildDataCleaning(CleaningRules):
    """Which rows are kept, and what is masked in them."""

    licences: Annotated[KeptLicences, Flag("--licences", panel=FILTERS)] = "any"


class BuildDataSettings(StageSettings):
    """Which rows are built, from what."""

    tasks: Annotated[
        tuple[str, ...],
        Flag("--tasks", panel=ROWS, split=True, complete=lambda _: ("all", *TASKS)),
        Kind("all|NAME,..."),
    ] = Field(default=("all",), min_length=1, description="Tasks to build rows for")
    sources: Annotated[
        str | None, Flag("--sources", panel=INPUT), Kind("hub|DIR"), Unset("hub, if no other input is given")
    ] = Field(
        default=None,
        description="Where to read the known sources: hub (fetched from the Hugging Face Hub and GitHub), or a folder "
        "of their published files",
    )
    source: Annotated[
        dict[str, str],
        Flag("--source", panel=INPUT, repeat=True, complete=_sources),
        Kind("NAME=PATH"),
    ] = Field(default_factory=dict, description="File or folder of one source, by the source's name; hub fetches it")
    source_splits: Annotated[
        tuple[SourceSplit, ...],
        Flag("--source-splits", panel=INPUT, split=True, complete=lambda _: get_args(SourceSplit)),
        Kind("any|SPLIT,..."),
    ] = Field(
        default=("train",),
        min_length=1,
        description="Upstream splits to read: train, validation, test; any reads all of them",
    )
    from_repo: Annotated[tuple[str, ...], Flag("--from-repo", panel=INPUT, repeat=True), Kind("DIR|stdlib")] = Field(
        default=(), description="Folder of code to mine, in eleven languages; stdlib is Python's standard library"
    )
    stackexchange: Annotated[str | None, Flag("--stackexchange", panel=INPUT), Kind("POSTS")] = Field(
        default=None,
        description="Stack Exchange data dump to mine: Posts.xml, plain, .gz or .7z, or the folder that has it",
    )
    with_generated: Annotated[
        tuple[str, ...],
        Flag("--with-generated", panel=INPUT, repeat=True, complete=runs_of("gen-instructions")),
        Kind("RUN|FILE"),
    ] = Field(default=(), description="Rows of gen-instructions to include: a run's name or folder, or a file of rows")
    wordings: Annotated[
        tuple[str, ...],
        Flag("--wordings", panel=ROWS, repeat=True, complete=runs_of("gen-instructions")),
        Kind("RUN|FILE"),
    ] = Field(
        default=(), description="Further wordings of instructions: a run of gen-instructions --wordings, or such a file"
    )
    lang: Annotated[
        tuple[TextLanguage, ...],
        Flag("--lang", panel=ROWS, split=True, complete=lambda _: get_args(TextLanguage)),
        Kind("en,cn"),
    ] = Field(default=get_args(TextLanguage), min_length=1, description="Text languages to keep: en, cn")
    mix: Annotated[
        str | None,
        Flag("--mix", panel=ROWS, complete=lambda _: MIXTURES),
        Kind("NAME"),
        Unset("comit, and rows outside its table are kept"),
    ] = Field(
        default=None,
        description=f"Mixture of sub-datasets to build and count rows by: {', '.join(MIXTURES)}; rows outside its "
        "table are excluded",
    )
    size: Annotated[Size | None, Flag("--size", panel=ROWS), Kind("paper|N"), Unset("all rows")] = Field(
        default=None,
        description="Rows per sub-dataset: paper takes as many as the mixture lists, N scales its counts to N rows in "
        "total; rows outside its table are excluded",
    )
    per_task: Annotated[int | None, Flag("--per-task", panel=ROWS), Unset("no limit")] = Field(
        default=None, ge=1, description="Maximum number of rows per task"
    )
    export: Annotated[
        tuple[Export, ...],
        Flag("--export", panel=OUTPUT, split=True, repeat=True, complete=lambda _: get_args(Export)),
        Kind("FORMAT,..."),
    ] = Field(default=(), description=f"Additional output formats: {', '.join(get_args(Export))}")
    decontaminate: Annotated[bool, Flag("--decontaminate", panel=FILTERS)] = Field(
        default=True, description="Drop rows that share text with a benchmark"
    )
    decontaminate_behaviour: Annotated[
        Behaviour, Flag("--decontaminate-behaviour", panel=FILTERS, complete=lambda _: get_args(Behaviour))
    ] = Field(
        default="report",
        description="Run the Python functions of rows against the benchmarks' tests, in the sandbox: report lists rows "
        "that pass and drops those that also share text or code with the problem; drop drops all that pass",
    )
    bench_data: Annotated[str | None, Flag("--bench-data", panel=FILTERS), Kind("FILE|DIR")] = Field(
        default=None, description="Benchmark problems (MBPP and others) to decontaminate against"
    )
    decontaminate_against: Annotated[
        tuple[str, ...], Flag("--decontaminate-against", panel=FILTERS, repeat=True), Kind("FILE")
    ] = Field(default=(), description="Problems or rows to decontaminate against, beside the known benchmarks")
    dedup_against: Annotated[tuple[str, ...], Flag("--dedup-against", panel=FILTERS, repeat=True), Kind("FILE")] = (
        Field(default=(), description="Existing rows: duplicates and near duplicates of them are dropped")
    )
    validation_share: Annotated[float, Flag("--validation-share", panel=OUTPUT)] = Field(
        default=0.05, ge=0, lt=1, description="Share of rows to hold out for validation (0 to less than 1)"
    )
    push_to_hub: Annotated[PushToHub, Flag("--push-to-hub", panel=OUTPUT)] = Field(
        default=None, description="Push card, rows and exports to this data set of the Hugging Face Hub"
    )
    private: Annotated[bool, Flag("--private", panel=OUTPUT)] = Field(
        default=False, description="With --push-to-hub: make the data set private"
    )
    skip_broken_sources: Annotated[bool, Flag("--skip-broken-sources", panel=INPUT)] = Field(
        default=False, description="Skip a source that cannot be read, and report it"
    )
    strict: Annotated[bool, Flag("--strict", panel=INPUT)] = Field(
        default=False,
        description="Stop if a source or benchmark cannot be fetched, instead of continuing with the others",
    )
    cleaning: BuildDataCleaning = BuildDataCleaning()
    near: NearRules = NearRules()
    runtime: BuildDataRuntime = BuildDataRuntime()

    @field_validator("mix")
    @classmethod
    def _as_in_the_catalogue(cls, value: str | None) -> str | None:
        return None if value is None else canonical(value, MIXTURES)

    @field_validator("source")
    @classmethod
    def _sources_as_in_the_catalogue(cls, value: dict[str, str]) -> dict[str, str]:
        from coma_cli.catalog.sources import SOURCES

        return {canonical(name, SOURCES): place for name, place in value.items()}

    @field_validator("lang")
    @classmethod
    def _in_one_order(cls, value: tuple[TextLanguage, ...]) -> tuple[TextLanguage, ...]:
        return tuple(language for language in get_args(TextLanguage) if language in value)

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
            raise ValueError("size must be paper or a positive number")
        return value

    @field_validator("export", mode="before")
    @classmethod
    def _each_once(cls, value: object) -> object:
        names = value.split(",") if isinstance(value, str) else value
        return sorted(set(names)) if isinstance(names, (list, tuple)) else names

    @property
    def asks_hub(self) -> bool:
        """Whether sources come from the Hugging Face Hub: if set so, or if there is no other input."""
        own = self.sources or self.from_repo or self.source or self.with_generated or self.stackexchange
        return self.sources == HUB or not own

    @property
    def mixture(self) -> Mixture:
        """The table of sub-datasets.

        Raises:
            UsageError: unknown name.
        """
        return lookup("mixture", DEFAULT_MIX if self.mix is None else self.mix, MIXTURES)

    @property
    def table_only(self) -> bool:
        """Whether rows outside the table of the mixture are excluded: where the user named a mixture or a size."""
        return self.mix is not None or self.size is not None

    @property
    def rules(self) -> CleaningRules:
        """The limits of cleaning, for the text languages to read.

        English rows are read for Chinese ones too: the Chinese rows that upstream lacks are requested from them.
        """
        read = tuple(sorted({*self.lang, "en"})) if "cn" in self.lang else self.lang
        return self.cleaning.model_copy(update={"text_languages": read})

    def identity(self) -> dict[str, Any]:
        """All that changes a row; paths do not: what they hold counts by its hash, as the run's inputs."""
        identity = {name: value for name, value in super().identity().items() if name not in _PLACES | _ELSEWHERE}
        return {**identity, "tasks": list(self.chosen_tasks()), "lang": sorted(self.lang)}

    def chosen_tasks(self) -> tuple[str, ...]:
        """The requested tasks, in the order of the catalogue.

        Raises:
            UsageError: unknown name, or none.
        """
        wanted = {canonical(name.strip(), TASKS) for name in self.tasks if name.strip()}
        if not wanted:
            raise UsageError("--tasks names no task.", f"Give all, or some of: {', '.join(TASKS)}")
        for name in sorted(wanted - {"all"}):
            lookup("task", name, TASKS, hint=f"Known: all, {', '.join(sorted(TASKS))}")
        return tuple(name for name in TASKS if name in wanted or "all" in wanted)
