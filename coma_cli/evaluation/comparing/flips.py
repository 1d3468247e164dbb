"""The problems that the second model wins and those that it loses, the most telling first."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from coma_cli.journal import natural_order


class Rated(BaseModel):
    """One problem of one model: its figure (0 to 1) and the number of samples that it is from."""

    model_config = ConfigDict(frozen=True)

    figure: float
    samples: int


class Flip(BaseModel):
    """A problem on which two models differ; `task` is that of a held-out row."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    task: str | None
    first: Rated
    second: Rated

    @property
    def change(self) -> float:
        """The second model's figure minus the first's."""
        return self.second.figure - self.first.figure


def flips_of(
    first: Mapping[str, Rated], second: Mapping[str, Rated], tasks: Mapping[str, str] | None = None
) -> list[Flip]:
    """The problems that both have, and on which they differ; by size, then by how many samples speak for it."""
    found = (
        Flip(task_id=name, task=(tasks or {}).get(name), first=first[name], second=second[name])
        for name in first.keys() & second.keys()
    )
    return sorted((flip for flip in found if flip.change != 0), key=_rank)


def _rank(flip: Flip) -> tuple[float, int, list[object]]:
    return -abs(flip.change), -min(flip.first.samples, flip.second.samples), natural_order(flip.task_id)
