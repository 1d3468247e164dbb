"""Recognizes samples of another benchmark by their task ids.

Ids with a benchmark's name fit only that one. Bare numbers may fit several: MBPP's 11 to 510 and HumanEval's 0 to 163
overlap, and rows of the one that were scored as the other would give 0 %.
"""

import re
from dataclasses import dataclass

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.published_content import published_ids
from coma_cli.errors import UsageError
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.words import count_of

_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True)
class OtherBenchmark:
    """The benchmark that all numbers of a sample file fit, and how many of them the requested one lacks."""

    bench: str
    other: str
    numbers: int
    lacking: int

    def error(self, title: str) -> UsageError:
        """Why the samples are not scored."""
        ids = count_of(self.numbers, "task id")
        named = f"{BENCHMARKS[self.bench].id_prefix}/7"
        return UsageError(
            f"{title}: {self.lacking} of {ids} are numbers that {self.bench} lacks, and all are task ids of "
            f"{self.other}.",
            f"--bench {self.other} ; or give task ids with the benchmark's name, as {named}",
        )


def meant_for_another(bench: str, skipped: Skipped) -> OtherBenchmark | None:
    """The first benchmark with other ids that all bare numbers fit, if the requested one does not have all of them."""
    known = BENCHMARKS.get(bench)
    numbers = skipped.bare_numbers
    if known is None or not numbers:
        return None
    lacking = sum(bool(_NUMBER.fullmatch(name)) for name in skipped.unknown_tasks)
    if not lacking:
        return None
    for name, entry in BENCHMARKS.items():
        if entry.id_prefix.casefold() == known.id_prefix.casefold():
            continue
        if numbers <= {int(hit[0]) for task_id in published_ids(name) if (hit := _NUMBER.search(task_id))}:
            return OtherBenchmark(bench, name, len(numbers), lacking)
    return None
