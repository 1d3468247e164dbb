"""What the published benchmarks contain, problem by problem, so that a file of one's own is not taken for one of them.

`published_content.json` has for each benchmark its task ids with a digest of what decides a verdict: prompt, entry
point, set-up, tests or inputs, and reference. Where not all of a release was available, some problems have none. The
file is written by `tests/catalog/benchmarks/published_content_file.py` from the published files.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from coma_cli.jsonl import sha256_of
from coma_cli.records import Problem

CONTENT_FILE = Path(__file__).with_suffix(".json")
_DIGITS = 16


@dataclass(frozen=True)
class ContentDifference:
    """How many problems a benchmark's file lacks, has besides, or has otherwise than published.

    `compared` are those whose published content is known; the others count as unchanged.
    """

    missing: int
    added: int
    changed: int
    compared: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.added or self.changed)


def content_digest(problem: Problem) -> str:
    """A short hash of what decides a verdict; the same for each form in which a problem is published."""
    sets = problem.input_sets
    judged_by = [problem.setup, problem.tests] if sets is None else [sets.base, sets.plus]
    return sha256_of([problem.prompt, problem.entry_point, *judged_by, problem.reference])[:_DIGITS]


def published_ids(bench: str) -> Mapping[str, str]:
    """The digests of a benchmark's problems by task id; nothing for a benchmark that is not in the file."""
    return _published().get(bench, {})


@cache
def _published() -> Mapping[str, Mapping[str, str]]:
    content: dict[str, dict[str, str]] = json.loads(CONTENT_FILE.read_text(encoding="utf-8"))
    return content


def difference(bench: str, size: int, problems: Iterable[Problem], *, part: bool = False) -> ContentDifference:
    """How problems differ from those of the published benchmark, which has `size` of them.

    With `part` they were chosen from a benchmark, so none is missing.
    """
    known = published_ids(bench)
    own = {problem.task_id: problem for problem in problems}
    is_whole = len(known) == size
    shared = own.keys() & known.keys()
    added = len(own) - len(shared) if is_whole else max(0, len(own) - size)
    missing = 0 if part else size - (len(own) - added)
    changed = sum(content_digest(own[task_id]) != known[task_id] for task_id in shared)
    return ContentDifference(max(0, missing), added if known else 0, changed, len(shared))
