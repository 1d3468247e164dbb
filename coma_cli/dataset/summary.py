"""What build-data reports of a finished data set: its summary.json, which the card and the terminal show."""

from collections import Counter

from pydantic import BaseModel, ConfigDict, computed_field

from coma_cli.catalog.mixtures.mixture import Mixture, Size
from coma_cli.dataset.behaviour import BehaviourReport
from coma_cli.dataset.composition import SUBSET, Composition, Lengths
from coma_cli.dataset.locating import Located
from coma_cli.dataset.rows import RowState
from coma_cli.dataset.selection import RowTally, Selection


class SourceFacts(BaseModel):
    """A source that rows were read from; `comes_from` says where it was fetched and at which commit."""

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    licence: str
    citation: str
    splits: str
    files: int
    revision: str = ""
    comes_from: str = ""
    notes: str = ""


class SideCounts(BaseModel):
    """Rows on both sides of the split."""

    model_config = ConfigDict(frozen=True)

    train: int = 0
    validation: int = 0

    @property
    def total(self) -> int:
        """Rows on both sides together."""
        return self.train + self.validation


class SubsetCounts(SideCounts):
    """Rows of a sub-dataset: how many there are, were wanted (None: all), and are requested."""

    task: str
    wanted: int | None = None
    requested: int = 0

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way to write it
    @property
    def short(self) -> int:
        """Rows that are missing and can't be requested."""
        return max(0, (self.wanted or 0) - self.total - self.requested)


class BehaviourCounts(BaseModel):
    """Level 3 of decontamination: which problems were tried, and the rows with a function that solves one.

    `skipped` says why it did not run; "" if it did. By benchmark: `problems` that could be tried, kept rows that are
    `solving` one of them, and rows that were `dropped` for it. `functions` counts distinct ones.
    """

    model_config = ConfigDict(frozen=True)

    setting: str
    skipped: str
    problems: dict[str, int] = {}
    functions: int = 0
    solving: dict[str, int] = {}
    dropped: dict[str, int] = {}


class BuildDataSummary(BaseModel):
    """Counts of rows by their properties, of dropped rows by reason, and what to know before trusting the rows."""

    model_config = ConfigDict(frozen=True)

    rows: SideCounts
    tasks: dict[str, SideCounts]
    sources: dict[str, SideCounts]
    languages: dict[str, SideCounts]
    text_languages: dict[str, SideCounts]
    licences: dict[str, SideCounts]
    dropped: dict[str, int]
    dropped_by_source: dict[str, dict[str, int]]
    beyond_size: dict[str, int]
    beyond_balance: dict[str, int]
    outside_table: dict[str, int]
    mixture: str
    subsets: dict[str, SubsetCounts]
    beside: SideCounts
    to_fill: list[str]
    lengths: Lengths
    decontaminated: bool
    checked_against: dict[str, int]
    levels: dict[str, list[int]]
    not_checked_against: list[str]
    contaminated: dict[str, int]
    behaviour: BehaviourCounts
    read: list[SourceFacts]
    missing_sources: list[str]
    broken_sources: list[str]
    warnings: list[str]
    seed: int
    validation_share: float
    versions: dict[str, str]


def side_counts(composition: Composition, name: str) -> dict[str, SideCounts]:
    """Rows by one of their properties, the largest first."""
    by = composition.by[name]
    counts = {
        value: SideCounts(train=by.get((value, "train"), 0), validation=by.get((value, "validation"), 0))
        for value in {value for value, _ in by}
    }
    return dict(sorted(counts.items(), key=lambda item: (-item[1].total, item[0])))


def subset_counts(
    composition: Composition, tally: RowTally, mixture: Mixture, size: Size | None
) -> dict[str, SubsetCounts]:
    """Rows of every sub-dataset in the order of the table."""
    by = composition.by[SUBSET]
    targets = {} if size is None else mixture.targets(size)
    return {
        entry.name: SubsetCounts(
            train=by.get((entry.name, "train"), 0),
            validation=by.get((entry.name, "validation"), 0),
            task=entry.task,
            wanted=targets.get(entry.name),
            requested=tally.pending.get(entry.name, 0),
        )
        for entry in mixture.subsets
    }


def drop_counts(tally: RowTally) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Dropped rows by reason, and the same by source."""
    by_reason: dict[str, int] = {}
    by_source: dict[str, dict[str, int]] = {}
    for (source, reason), count in sorted(tally.dropped.items()):
        by_reason[reason] = by_reason.get(reason, 0) + count
        by_source.setdefault(source, {})[reason] = count
    return dict(sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))), by_source


def behaviour_counts(report: BehaviourReport, selection: Selection, setting: str) -> BehaviourCounts:
    """What level 3 found in the rows that are left to it by the other steps."""
    solving: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for row, evidence in report.evidence.items():
        if selection.kept[row]:
            solving[evidence.bench] += 1
        elif selection.state[row] == RowState.CONTAMINATED:
            dropped[evidence.bench] += 1
    return BehaviourCounts(
        setting=setting,
        skipped=report.skipped,
        problems=dict(report.problems),
        functions=report.functions,
        solving=dict(sorted(solving.items())),
        dropped=dict(sorted(dropped.items())),
    )


def source_facts(entry: Located) -> SourceFacts:
    """What the card says of a source that was read."""
    source = entry.source
    return SourceFacts(
        name=source.name,
        url=source.url,
        licence=source.licence,
        citation=source.citation,
        splits=entry.splits,
        files=entry.files,
        revision=source.revision,
        comes_from=entry.comes_from,
        notes=source.notes,
    )
