"""What tests get for a match object of the program: its data, without the pattern, which is never run again."""

from __future__ import annotations

from typing import Any


class MatchedText:
    """The string that was searched, the span of each group (the whole match first), and the numbers of named groups.

    It has the methods and attributes of `re.Match` except `re`, `regs` and `expand`, is always true, and equals only
    itself.
    """

    def __init__(
        self, string: Any, spans: list[tuple[int, int]], names: dict[str, int], part: tuple[int, int], last: int | None
    ) -> None:
        self.string = string
        self._spans = spans
        self._names = names
        self.pos, self.endpos = part
        self.lastindex = last

    @property
    def lastgroup(self) -> str | None:
        """The name of the last group that took part, if it has one."""
        return next((name for name, number in self._names.items() if number == self.lastindex), None)

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """Start and end of a group; (-1, -1) if it took no part."""
        number = self._names.get(group) if isinstance(group, str) else group
        if number is None or not 0 <= number < len(self._spans):
            raise IndexError("no such group")
        return self._spans[number]

    def start(self, group: int | str = 0) -> int:
        """Where a group starts."""
        return self.span(group)[0]

    def end(self, group: int | str = 0) -> int:
        """Where a group ends."""
        return self.span(group)[1]

    def __getitem__(self, group: int | str) -> Any:
        start, end = self.span(group)
        return None if start < 0 else self.string[start:end]

    def group(self, *groups: int | str) -> Any:
        """The text of a group, or a tuple of those of several."""
        if len(groups) > 1:
            return tuple(self[group] for group in groups)
        return self[groups[0] if groups else 0]

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        """The texts of all groups but the whole match."""
        found = (self[number] for number in range(1, len(self._spans)))
        return tuple(default if text is None else text for text in found)

    def groupdict(self, default: Any = None) -> dict[str, Any]:
        """The texts of the named groups."""
        found = {name: self[number] for name, number in self._names.items()}
        return {name: default if text is None else text for name, text in found.items()}
