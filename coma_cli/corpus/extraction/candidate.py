"""A completion to be scored, from any kind of file."""

from dataclasses import dataclass
from functools import cached_property

from coma_cli.records import sample_key


@dataclass(frozen=True)
class Candidate:
    """A completion to be scored. `whole` means that it is a whole program by its file's own convention.

    `temperature` is None where the file does not state it. `missing` is why there is no completion; such a sample
    counts as a failed one.
    """

    task_id: str
    temperature: float | None
    index: int
    text: str
    whole: bool = False
    finish_reason: str = ""
    missing: str = ""

    @cached_property
    def key(self) -> str:
        """The sample's key, as in `Sample`."""
        return sample_key(self.task_id, self.temperature, self.index)
