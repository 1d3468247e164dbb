"""The levels of proof, what a row must reach to be kept, and why a row that does not is dropped."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["none", "parsed", "ran", "called", "tested", "cross-checked"]
LEVELS: tuple[Level, ...] = get_args(Level)
DEFAULT_KEEP = "proof>=parsed"
_KEEP = re.compile(r"\s*proof\s*>=\s*([a-z-]+)\s*")

# The drop reason of a row that lacks this level, where it is requested.
_REASONS: Mapping[Level, str] = {
    "parsed": "does-not-parse",
    "ran": "does-not-run",
    "called": "not-called",
    "tested": "not-tested",
    "cross-checked": "not-cross-checked",
}


@dataclass(frozen=True)
class Proof:
    """The level that a program has reached, and why it did not reach the next one, as a line for people.

    `error` is what a model can be shown to repair the program; "" where nothing went wrong. `outcome` stands for what
    the function returned for the generated arguments; programs with equal ones agree. `runs` counts programs that the
    sandbox executed.
    """

    level: Level
    detail: str = ""
    error: str = ""
    outcome: str = ""
    runs: int = 0

    def reaches(self, level: Level) -> bool:
        """Whether this is at least that level."""
        return rank(self.level) >= rank(level)


def rank(level: Level) -> int:
    """The position of a level, from 0 for none."""
    return LEVELS.index(level)


def level_to_keep(expression: str) -> Level:
    """The least level of rows to keep, from `proof>=LEVEL`.

    Raises:
        ValueError: the expression has another form, or there is no such level.
    """
    match = _KEEP.fullmatch(expression)
    for level in LEVELS:
        if match is not None and level == match[1]:
            return level
    raise ValueError(f"must be proof>=LEVEL, where LEVEL is {', '.join(LEVELS[:-1])} or {LEVELS[-1]}")


def missed(proof: Proof, wanted: Level) -> str:
    """The drop reason of a row below the wanted level: that of the first level that it lacks."""
    return _REASONS[LEVELS[min(rank(proof.level) + 1, rank(wanted))]]
