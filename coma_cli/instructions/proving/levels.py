"""The levels of proof, what a row must reach to be kept, and why a row that does not is dropped."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Agreement = Literal["majority", "minority", "none", "nothing-to-compare"]
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
    sandbox executed. `groups`, if several programs were compared, has the number of the group that each is in, this
    one first, and -1 for those that returned nothing.
    """

    level: Level
    detail: str = ""
    error: str = ""
    outcome: str = ""
    runs: int = 0
    groups: tuple[int, ...] = ()

    @property
    def agreeing(self) -> int:
        """How many of the compared programs return what this one returns, itself included; 0 if it returns nothing."""
        return 0 if not self.groups or self.groups[0] < 0 else self.groups.count(self.groups[0])

    @property
    def agreement(self) -> Agreement | None:
        """Whether more than half of the compared programs agree with this one, fewer, or none; None: not compared.

        A comparison of which fewer than two programs returned something says nothing.
        """
        if not self.groups:
            return None
        if sum(group >= 0 for group in self.groups) < 2:
            return "nothing-to-compare"
        if self.agreeing < 2:
            return "none"
        return "majority" if 2 * self.agreeing > len(self.groups) else "minority"

    @property
    def best_program(self) -> int:
        """Which of the compared programs to keep: one of the largest group that agrees, this one (0) if it is in it."""
        sizes = {group: self.groups.count(group) for group in self.groups if group >= 0}
        largest = max(sizes.values(), default=0)
        if largest < 2 or self.agreeing == largest:
            return 0
        return next(number for number, group in enumerate(self.groups) if sizes.get(group) == largest)

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
    """The drop reason of a row below the wanted level: that of the first level that it lacks.

    Where programs were compared and do not agree, that is the reason.
    """
    if wanted == "cross-checked" and proof.groups:
        return _REASONS[wanted]
    return _REASONS[LEVELS[min(rank(proof.level) + 1, rank(wanted))]]
