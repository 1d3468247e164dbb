"""What a run has spent and may still spend: a ledger on disk, written before and after every call.

Before a call is sent, its maximum cost is reserved (a bound on its prompt, the token limit of its answer); afterwards,
its actual cost replaces that. A call that a killed process left open counts in full unless its answer is in the journal
of answers. So spent and reserved dollars together never exceed the cap, over any number of starts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

from coma_cli.engines.answers import Answer, now
from coma_cli.errors import BudgetReachedError
from coma_cli.journal import Journal
from coma_cli.records import Record

LEDGER_FILE = "ledger.jsonl"
_PER_MTOK = 1_000_000


@dataclass(frozen=True)
class Price:
    """USD per million prompt and completion tokens."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float

    def cost_usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost of some tokens."""
        return (prompt_tokens * self.input_usd_per_mtok + completion_tokens * self.output_usd_per_mtok) / _PER_MTOK


FREE = Price(0.0, 0.0)


class Call(Record):
    """One call that was sent: `open` until its outcome is known, then answered, unpaid or lost."""

    id: str
    request_sha256: str
    state: Literal["open", "answered", "unpaid", "lost"]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    error: str = ""
    time: str = ""

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True)
class Spending:
    """Totals: answered calls and their tokens; dollars in total, and those for lost answers."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    lost_calls: int = 0
    lost_usd: float = 0.0


class KnownAnswers(Protocol):
    """The part of the journal of answers that the budget needs."""

    def get(self, key: str) -> Answer | None: ...


class Budget:
    """The meter of one run, made by `from_ledger`; without `max_usd` there is no cap.

    Memory holds totals and the calls in flight only.
    """

    def __init__(self, ledger: Journal[Call], price: Price, max_usd: float | None) -> None:
        self._ledger = ledger
        self._price = price
        self._max_usd = max_usd
        self._calls = 0  # that were ever sent; numbers them
        self._spending = Spending()
        self._open: dict[str, Call] = {}
        self._reserved = 0.0

    @classmethod
    def from_ledger(
        cls,
        ledger: Journal[Call],
        price: Price,
        max_usd: float | None,
        answers: KnownAnswers,
        at_server: Collection[str] = (),
    ) -> Self:
        """Read the ledger, and close the calls that were in flight when their process died.

        Requests `at_server` are in batches that will be collected: their calls stay open.
        """
        budget = cls(ledger, price, max_usd)
        left = budget._read(ledger.rows())
        for call in left:
            answer = answers.get(call.request_sha256)
            if answer is None and call.request_sha256 in at_server:
                budget._open[call.id] = call
                budget._reserved += call.usd
                continue
            closed = _closed(call, answer, price)
            ledger.append(closed)
            budget._count(closed)
        return budget

    def _read(self, calls: Iterable[Call]) -> list[Call]:
        """Count the calls of earlier starts; those that are still open."""
        left: dict[str, Call] = {}
        for call in calls:
            if call.state == "open":
                left[call.id] = call
                self._calls += 1
            else:
                left.pop(call.id, None)
                self._count(call)
        return list(left.values())

    def _count(self, call: Call) -> None:
        """Add a call that has ended to the totals."""
        total = replace(self._spending, usd=self._spending.usd + call.usd)
        if call.state == "answered":
            total = replace(
                total,
                calls=total.calls + 1,
                prompt_tokens=total.prompt_tokens + call.prompt_tokens,
                completion_tokens=total.completion_tokens + call.completion_tokens,
            )
        elif call.state == "lost":
            total = replace(total, lost_calls=total.lost_calls + 1, lost_usd=total.lost_usd + call.usd)
        self._spending = total

    @property
    def open(self) -> int:
        """Calls in flight."""
        return len(self._open)

    @property
    def spent_usd(self) -> float:
        """The dollars that all starts of this run have paid, or may have paid, so far."""
        return self._spending.usd

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        """Reserve the maximum cost of a call; None if that would exceed the cap."""
        most = self._price.cost_usd(prompt_tokens, completion_tokens)
        if self._max_usd is not None and self.spent_usd + self._reserved + most > self._max_usd:
            return None
        opened = Call(
            id=str(self._calls),
            request_sha256=call,
            state="open",
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            usd=most,
            time=now(),
        )
        self._calls += 1
        self._ledger.append(opened)
        self._open[opened.id] = opened
        self._reserved += most
        return opened.id

    def settle(self, ticket: str, prompt_tokens: int, completion_tokens: int) -> None:
        """The call was answered; its actual cost replaces the reserved one."""
        usd = self._price.cost_usd(prompt_tokens, completion_tokens)
        self._close(ticket, "answered", prompt_tokens, completion_tokens, usd, "")

    def release(self, ticket: str, error: str) -> None:
        """The call was refused and costs nothing."""
        self._close(ticket, "unpaid", 0, 0, 0.0, error)

    def forfeit(self, ticket: str, error: str) -> None:
        """The answer was lost: all that was reserved counts as spent."""
        call = self._open[ticket]
        self._close(ticket, "lost", call.prompt_tokens, call.completion_tokens, call.usd, error)

    def held(self, call: str) -> str | None:
        """The ticket of a request that an earlier start sent in a batch, or None."""
        return next((ticket for ticket, opened in self._open.items() if opened.request_sha256 == call), None)

    def exhausted(self) -> BudgetReachedError:
        """The error that stops a run at its cap."""
        return BudgetReachedError(
            f"The budget of ${self._max_usd:.4g} is reached: "
            f"${self.spent_usd:.4g} are spent, and the next call may not fit.",
            "Raise --max-usd and rerun the same command to resume.",
        )

    def spending(self) -> Spending:
        """The totals of all starts."""
        return self._spending

    def _close(
        self,
        ticket: str,
        state: Literal["answered", "unpaid", "lost"],
        prompt_tokens: int,
        completion_tokens: int,
        usd: float,
        error: str,
    ) -> None:
        call = self._open.pop(ticket)
        self._reserved = self._reserved - call.usd if self._open else 0.0
        figures = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "usd": usd}
        closed = call.model_copy(update={"state": state, "error": error, **figures})
        self._count(closed)
        self._ledger.append(closed)


def _closed(call: Call, answer: Answer | None, price: Price) -> Call:
    """A call that was in flight when its process died, settled; `answer` is the stored answer, if any."""
    if answer is None:
        return call.model_copy(update={"state": "lost", "error": "the process died with this call in flight"})
    tokens = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
    usd = price.cost_usd(answer.prompt_tokens, answer.completion_tokens)
    return call.model_copy(update={"state": "answered", "usd": usd, **tokens})
