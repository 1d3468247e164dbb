"""The ledger of spending: the cap holds whatever happens, at every restart too."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.engines.answers import Answer
from coma_cli.errors import BudgetReachedError
from coma_cli.instructions.budget import FREE, Budget, Call, Price
from coma_cli.journal import Journal

PRICE = Price(1.0, 2.0)  # dollars a million tokens
NAME = "ab" * 32


class NoAnswers:
    def get(self, key):
        return None


class OneAnswer:
    def get(self, key):
        return Answer(
            request_sha256=key,
            request={},
            text="t",
            finish_reason="stop",
            prompt_tokens=100_000,
            completion_tokens=50_000,
        )


def opened(folder, max_usd=1.0, price=PRICE, answers=None) -> tuple[Budget, Journal]:
    ledger = Journal.open(folder / "ledger.jsonl", Call)
    return Budget.from_ledger(ledger, price, max_usd, answers or NoAnswers()), ledger


def test_what_was_used_takes_the_place_of_what_was_reserved(tmp_path):
    budget, ledger = opened(tmp_path)
    ticket = budget.reserve(NAME, 400_000, 200_000)
    assert budget.reserve(NAME, 400_000, 200_000) is None, "0.8 and 0.8 are more than 1"
    budget.settle(ticket, 100_000, 50_000)
    assert budget.spent_usd == pytest.approx(0.2)
    assert budget.reserve(NAME, 400_000, 200_000) is not None
    ledger.close()


def test_refused_calls_are_free_and_lost_ones_are_not(tmp_path):
    budget, ledger = opened(tmp_path)
    budget.release(budget.reserve(NAME, 200_000, 0), "429")
    assert budget.spent_usd == 0
    budget.forfeit(budget.reserve(NAME, 200_000, 0), "torn")
    assert budget.spent_usd == pytest.approx(0.2)
    totals = budget.spending()
    assert (totals.calls, totals.lost_calls, totals.lost_usd) == (0, 1, pytest.approx(0.2))
    ledger.close()


def test_a_call_open_at_a_kill_counts_in_full_unless_its_answer_is_there(tmp_path):
    budget, ledger = opened(tmp_path)
    budget.reserve(NAME, 400_000, 200_000)
    ledger.close()
    lost, ledger = opened(tmp_path)
    assert lost.spent_usd == pytest.approx(0.8) and lost.open == 0
    ledger.close()

    (tmp_path / "other").mkdir()
    budget, ledger = opened(tmp_path / "other")
    budget.reserve(NAME, 400_000, 200_000)
    ledger.close()
    found, ledger = opened(tmp_path / "other", answers=OneAnswer())
    assert found.spent_usd == pytest.approx(0.2)
    assert (found.spending().calls, found.spending().prompt_tokens) == (1, 100_000)
    ledger.close()


def test_repeated_attempts_at_one_call_are_all_counted(tmp_path):
    budget, ledger = opened(tmp_path)
    for _ in range(3):
        budget.forfeit(budget.reserve(NAME, 100_000, 0), "torn")
    ledger.close()
    again, ledger = opened(tmp_path)
    again.forfeit(again.reserve(NAME, 100_000, 0), "torn")
    assert again.spent_usd == pytest.approx(0.4)
    ledger.close()


def test_the_error_names_the_cap_and_what_to_do(tmp_path):
    budget, ledger = opened(tmp_path, max_usd=0.25)
    error = budget.exhausted()
    assert isinstance(error, BudgetReachedError) and error.exit_code == 5
    assert "$0.25" in error.message and "--max-usd" in error.hint
    ledger.close()


def test_without_a_cap_everything_is_granted_and_still_counted(tmp_path):
    budget, ledger = opened(tmp_path, max_usd=None)
    budget.settle(budget.reserve(NAME, 10**9, 10**9), 10**9, 10**9)
    assert budget.spent_usd == pytest.approx(3000)
    ledger.close()


def test_a_server_of_your_own_costs_nothing(tmp_path):
    budget, ledger = opened(tmp_path, max_usd=0.001, price=FREE)
    assert all(budget.reserve(f"{n:064x}", 10**6, 10**6) for n in range(50))
    ledger.close()


STEPS = st.lists(
    st.tuples(
        st.integers(0, 300_000),
        st.integers(0, 300_000),
        st.sampled_from(["settle", "release", "forfeit", "hold", "kill"]),
        st.floats(0, 1),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.floats(0.05, 2))
def test_the_cap_is_never_passed(tmp_path_factory, steps, cap):
    """Whatever ends how, with kills in between: all that the provider may charge stays within the cap."""
    folder = tmp_path_factory.mktemp("ledger")
    budget, ledger = opened(folder, max_usd=cap)
    charged = 0.0  # what a provider would charge at most: used tokens, or all of a call whose end nobody saw
    held = 0.0
    for number, (prompt, completion, end, share) in enumerate(steps):
        ticket = budget.reserve(f"{number:064x}", prompt, completion)
        if ticket is None:
            continue
        most = PRICE.cost_usd(prompt, completion)
        if end == "settle":
            used = int(prompt * share), int(completion * share)
            budget.settle(ticket, *used)
            charged += PRICE.cost_usd(*used)
        elif end == "release":
            budget.release(ticket, "429")
        elif end == "forfeit":
            budget.forfeit(ticket, "torn")
            charged += most
        else:
            held += most
        if end == "kill":
            ledger.close()
            charged, held = charged + held, 0.0
            budget, ledger = opened(folder, max_usd=cap)
        assert charged + held <= cap + 1e-9
        assert budget.spent_usd == pytest.approx(charged, abs=1e-9)
    ledger.close()
