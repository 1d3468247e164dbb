"""A place for one running program of a sandbox, with the pairs of zygotes that have run programs there."""

from coma_cli.sandbox.launch import PairKind
from coma_cli.sandbox.pair import Pair


class Slot:
    """A place for one running program: a pair for each kind of program so far, one of them active."""

    def __init__(self, cpu: int | None = None) -> None:
        self.cpu = cpu
        self.pairs: dict[PairKind, Pair] = {}
        self.active: Pair | None = None

    @property
    def is_busy(self) -> bool:
        return self.active is not None and bool(self.active.tasks)

    @property
    def is_sleeping(self) -> bool:
        return self.active is not None and bool(self.active.tasks) and self.active.tasks[0].watch.sleeping

    def takes(self, kind: PairKind) -> bool:
        """Whether a program of this kind can be sent here now."""
        pair = self.active
        if pair is None or not pair.tasks:
            return True
        # A spent pair finishes its programs and is then replaced.
        return pair.kind == kind and pair.has_room and not pair.is_spent
