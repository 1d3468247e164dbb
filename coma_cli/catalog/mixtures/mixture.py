"""The form of a catalogue entry for a mixture: a table of sub-datasets with the rows that each is to have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coma_cli.records import TextLanguage

Size = int | Literal["paper"]


@dataclass(frozen=True)
class SubDataset:
    """One line of the table.

    A row belongs to it by its task, its source and its text language; `languages` are the programming languages that
    the table names. `file` is where its publisher keeps the rows as instruction, input and output. `requested` says
    that upstream has no such rows: where they are lacking, requests are made from their English sisters.
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
        """The sub-dataset of such rows; None for rows that the table does not know, such as your own code's."""
        return next((s for s in self.subsets if s.holds(task, source, text_language)), None)

    def targets(self, size: Size) -> Mapping[str, int]:
        """Rows wanted of each sub-dataset: the paper's counts, or those scaled to `size` rows in all.

        What is left after rounding down goes to the largest remainders, the first of equal ones first.
        """
        if size == "paper":
            return {subset.name: subset.rows for subset in self.subsets}
        total = sum(subset.rows for subset in self.subsets)
        whole = {subset.name: subset.rows * size // total for subset in self.subsets}
        remainders = {subset.name: subset.rows * size % total for subset in self.subsets}
        for name in sorted(whole, key=lambda n: -remainders[n])[: size - sum(whole.values())]:
            whole[name] += 1
        return whole
