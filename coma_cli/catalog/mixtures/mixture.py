"""The type of a catalogue entry for a mixture: a table of sub-datasets with the number of rows of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coma_cli.records import TextLanguage

Size = int | Literal["paper"]


@dataclass(frozen=True)
class SubDataset:
    """One line of the table.

    Rows belong to it by task, source and text language; `languages` are the programming languages listed in the table.
    `file` is the name of its published file of instructions, inputs and outputs. `requested` means that upstream has no
    such rows: missing ones are requested, based on their English counterparts.
    """

    name: str
    task: str
    sources: tuple[str, ...]
    rows: int
    text_language: TextLanguage
    languages: tuple[str, ...]
    file: str
    requested: bool = False

    def holds(self, task: str, source: str, text_language: str) -> bool:
        """Whether rows of this kind belong to it."""
        return task == self.task and source in self.sources and text_language == self.text_language


@dataclass(frozen=True)
class Mixture:
    """A data set as its paper describes it."""

    name: str
    citation: str
    subsets: tuple[SubDataset, ...]

    def subset_of(self, task: str, source: str, text_language: str) -> SubDataset | None:
        """The sub-dataset of such rows; None for rows that are not in the table, such as those of your own code."""
        return next((s for s in self.subsets if s.holds(task, source, text_language)), None)

    def targets(self, size: Size) -> Mapping[str, int]:
        """Number of rows for each sub-dataset: the paper's counts, or those scaled to `size` rows in total.

        Rows left after rounding down go to the largest remainders, the first of equal ones first.
        """
        if size == "paper":
            return {subset.name: subset.rows for subset in self.subsets}
        total = sum(subset.rows for subset in self.subsets)
        whole = {subset.name: subset.rows * size // total for subset in self.subsets}
        remainders = {subset.name: subset.rows * size % total for subset in self.subsets}
        for name in sorted(whole, key=lambda n: -remainders[n])[: size - sum(whole.values())]:
            whole[name] += 1
        return whole
