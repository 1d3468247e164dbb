"""References that have passed on this machine, kept across runs, so that a score need not run all of them again.

What is kept holds for one benchmark under one identity of the sandbox (its code, its isolation, the interpreter with
its packages, the machine); an entry of it for one problem with one reference, set of limits and mode. Only
references that passed are kept. What the cache says is checked at each run by running some of them again.
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coma_cli.cache import EntryCache
from coma_cli.errors import MissingInputError
from coma_cli.evaluation.scoring.references import ReferenceCheck
from coma_cli.jsonl import encode_row
from coma_cli.records import Problem
from coma_cli.sandbox import Limits
from coma_cli.sandbox.contract import Mode

FOLDER = "references"
DRAWN = 5  # references that run at each start, although they are known to pass
_VERSION = 2  # of the entries, and of how references are run


def reference_key(parts: Sequence[Problem], limits_of: Callable[[Problem], Limits], mode: Mode) -> str:
    """SHA-256 (hex) of all that decides how the reference of a problem fares on one machine.

    `parts` are the problem with each set of tests that its reference has to pass; the reference is in each of them.
    """
    digest = hashlib.sha256(json.dumps([_VERSION, mode]).encode())
    for part in parts:
        digest.update(encode_row(part.to_row()))
        digest.update(f"{limits_of(part)}\n".encode())
    return digest.hexdigest()


def draw(known: Iterable[str], seed: str) -> set[str]:
    """The references that run again."""
    names = sorted(known)
    return set(random.Random(seed).sample(names, min(DRAWN, len(names))))  # noqa: S311  # a sample, no secret


@dataclass(frozen=True)
class ReferenceCache:
    """The references of one benchmark that are known to pass under one `machine`, the identity of the sandbox.

    Of two processes that write at a time the entries of one are kept: the others' references run once more.
    """

    bench: str
    machine: str
    entries: EntryCache = field(default_factory=lambda: EntryCache.below_cache_folder(FOLDER))

    @property
    def name(self) -> str:
        """What the entry of this benchmark and machine is called."""
        return f"{hashlib.sha256(f'{self.bench}|{self.machine}'.encode()).hexdigest()}.json"

    def known(self, keys: Mapping[str, str]) -> dict[str, ReferenceCheck]:
        """The checks that are known, by task id; `keys` are those of `reference_key` by task id."""
        kept = self._read()
        found = {task_id: kept[key] for task_id, key in keys.items() if key in kept}
        return {task_id: check for task_id, check in found.items() if check.task_id == task_id}

    def keep(self, keys: Mapping[str, str], checks: Mapping[str, ReferenceCheck]) -> None:
        """Add the checks that have passed."""
        passed = {keys[task_id]: check for task_id, check in checks.items() if not check.failed}
        kept = self._read()
        if passed.keys() - kept.keys():
            rows = {key: check.to_row() for key, check in (kept | passed).items()}
            self.entries.write(self.name, json.dumps(rows, sort_keys=True).encode())

    def discard(self) -> None:
        """Forget all of this benchmark."""
        self.entries.drop(self.name)

    def _read(self) -> dict[str, ReferenceCheck]:
        content = self.entries.read(self.name)
        try:
            rows = json.loads(content) if content else {}
            checks = {key: ReferenceCheck.from_row(row, self.name) for key, row in rows.items()}
        except (ValueError, AttributeError, TypeError, MissingInputError):  # of another version of coma
            return {}
        return {key: check for key, check in checks.items() if not check.failed}
