"""What a run has spent and may still spend: a ledger on disk, written before and after every call.

Before a call is sent, its maximum cost is reserved (a bound on its prompt, the token limit of its answer); afterwards,
its actual cost replaces that. A call that a killed process left open counts in full unless its answer is in the journal
of answers. So spent and reserved dollars together never exceed the cap, over any number of starts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from coma_cli.engines.answers import Answer, now
from coma_cli.errors import BudgetReachedError
from coma_cli.journal import Journal
from coma_cli.records import Record

CALLS_FILE = "calls.jsonl"
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
    """The meter of one run, made by `from_ledger`; without `max_usd` there is no cap."""

    def __init__(self, ledger: Journal[Call], calls: Mapping[str, Call], price: Price, max_usd: float | None) -> None:
        """`calls` are those of earlier starts, from the ledger, none of them open."""
        self._ledger = ledger
        self._price = price
        self._max_usd = max_usd
        self._calls = dict(calls)
        self._attempts = Counter(call.request_sha256 for call in calls.values())
        self._usd = sum(call.usd for call in calls.values())
        self._open: dict[str, Call] = {}
        self._reserved = 0.0

    @classmethod
    def from_ledger(cls, ledger: Journal[Call], price: Price, max_usd: float | None, answers: KnownAnswers) -> Self:
        """Read the ledger, and close the calls that were in flight when their process died."""
        calls = {call.key: call for call in ledger.rows()}
        closed = [
            _closed(call, answers.get(call.request_sha256), price) for call in calls.values() if call.state == "open"
        ]
        for call in closed:
            ledger.append(call)
        return cls(ledger, calls | {call.key: call for call in closed}, price, max_usd)

    @property
    def open(self) -> int:
        """Calls in flight."""
        return len(self._open)

    @property
    def spent_usd(self) -> float:
        """The dollars that all starts of this run have paid, or may have paid, so far."""
        return self._usd

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        """Reserve the maximum cost of a call; None if that would exceed the cap."""
        most = self._price.cost_usd(prompt_tokens, completion_tokens)
        if self._max_usd is not None and self._usd + self._reserved + most > self._max_usd:
            return None
        attempt = self._attempts[call]
        self._attempts[call] += 1
        ticket = f"{call}-{attempt}"
        self._open[ticket] = self._write(
            Call(
                id=ticket,
                request_sha256=call,
                state="open",
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                usd=most,
                time=now(),
            )
        )
        self._reserved += most
        return ticket

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

    def exhausted(self) -> BudgetReachedError:
        """The error that stops a run at its cap."""
        return BudgetReachedError(
            f"The budget of ${self._max_usd:.4g} is reached: "
            f"${self._usd:.4g} are spent, and the next call may not fit.",
            "Raise --max-usd and rerun the same command to resume.",
        )

    def spending(self) -> Spending:
        """The totals of all starts."""
        answered = [call for call in self._calls.values() if call.state == "answered"]
        lost = [call for call in self._calls.values() if call.state == "lost"]
        return Spending(
            calls=len(answered),
            prompt_tokens=sum(call.prompt_tokens for call in answered),
            completion_tokens=sum(call.completion_tokens for call in answered),
            usd=self._usd,
            lost_calls=len(lost),
            lost_usd=sum(call.usd for call in lost),
        )

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
        self._usd += usd
        self._write(
            call.model_copy(
                update={
                    "state": state,
                    "prompt_tokens": prompt_tokens,
                    "completion_tokens": completion_tokens,
                    "usd": usd,
                    "error": error,
                }
            )
        )

    def _write(self, call: Call) -> Call:
        self._ledger.append(call)
        self._calls[call.key] = call
        return call


def _closed(call: Call, answer: Answer | None, price: Price) -> Call:
    """A call that was in flight when its process died, settled; `answer` is the stored answer, if any."""
    if answer is None:
        return call.model_copy(update={"state": "lost", "error": "the process died with this call in flight"})
    tokens = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
    usd = price.cost_usd(answer.prompt_tokens, answer.completion_tokens)
    return call.model_copy(update={"state": "answered", "usd": usd, **tokens})
