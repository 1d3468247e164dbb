"""A model of this machine in the place of a server: prompts, frames, the journal, the ledger, and stopping."""

from collections.abc import Iterable, Iterator
from itertools import islice

import pytest

from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.interface import Decoding, GenerationRequest, GenerationResponse
from coma_cli.engines.local_chat import LoadedWriter, LocalChatEngine
from coma_cli.errors import BudgetReachedError
from coma_cli.instructions.budget import FREE, LEDGER_FILE, Budget, Call, Price
from coma_cli.journal import Journal
from coma_cli.prompting import ALPACA


class LetterTokenizer:
    """A tokenizer whose tokens are characters."""

    eos_token, eos_token_id, chat_template = "\0", 0, None

    def __call__(self, text: str, **_) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) for letter in text]}


class ScriptedEngine:
    """An engine that answers two requests at once, each by a function of its prompt's text."""

    def __init__(self, answer) -> None:
        self.answer, self.seen = answer, []

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        waiting = iter(requests)
        while batch := list(islice(waiting, 2)):
            for request in reversed(batch):
                self.seen.append(request)
                text, reason, stop = self.answer("".join(map(chr, request.prompt_ids)))
                yield GenerationResponse(request.key, text, reason, len(request.prompt_ids), 7, stop_reason=stop)


FRAME = ("<a>", "</a>")


def a_request(number: int, frame: tuple[str, str] = FRAME) -> GenerationRequest:
    drawn = Decoding(1.0, 1.0, 0, 20)
    return GenerationRequest(f"k{number}", drawn, number, instruction=f"Do {number}.", system="Be brief.", frame=frame)


@pytest.fixture
def answers(tmp_path):
    with AnswerJournal(tmp_path) as journal:
        yield journal


@pytest.fixture
def ledger(tmp_path):
    with Journal.open(tmp_path / LEDGER_FILE, Call) as journal:
        yield journal


def engine_of(scripted, answers, ledger, price=FREE, max_usd=None):
    meter = Budget.from_ledger(ledger, price, max_usd, answers)
    loaded = []

    def load() -> LoadedWriter:
        loaded.append(True)
        return LoadedWriter(scripted, ALPACA, LetterTokenizer(), (0,))

    return LocalChatEngine("tiny", load, answers=answers, meter=meter, server="here"), meter, loaded


def test_the_prompt_ends_where_the_answer_has_to_begin(answers, ledger):
    scripted = ScriptedEngine(lambda prompt: (" yes ", "stop", "</a>"))
    engine, _, _ = engine_of(scripted, answers, ledger)
    (response,) = engine.generate([a_request(1)])
    (seen,) = scripted.seen
    prompt = "".join(map(chr, seen.prompt_ids))
    assert "Be brief.\n\nDo 1." in prompt and prompt.endswith("### Response:<a>")
    assert seen.stop_texts == ("</a>",) and seen.stop_ids == (0,)
    assert (response.text, response.finish_reason) == ("<a> yes </a>", "eos")


@pytest.mark.parametrize(
    ("reason", "stop", "text"),
    [("eos", "0", "<a>yes</a>"), ("stop", "</a>", "<a>yes</a>"), ("length", "", "<a>yes")],
)
def test_an_answer_that_was_cut_is_not_closed(answers, ledger, reason, stop, text):
    engine, _, _ = engine_of(ScriptedEngine(lambda prompt: ("yes", reason, stop)), answers, ledger)
    (response,) = engine.generate([a_request(1)])
    assert response.text == text and (response.finish_reason == "length") == (reason == "length")


def test_nothing_is_computed_twice_and_the_model_is_loaded_only_if_needed(answers, ledger):
    scripted = ScriptedEngine(lambda prompt: ("yes", "eos", ""))
    engine, meter, loaded = engine_of(scripted, answers, ledger)
    first = {response.key: response for response in engine.generate(map(a_request, range(5)))}
    assert len(first) == 5 and len(loaded) == 1
    again, _, loaded = engine_of(scripted, answers, ledger)
    assert {response.key: response for response in again.generate(map(a_request, range(5)))} == first
    assert not loaded and again.traffic.reused == 5 and len(scripted.seen) == 5
    third, _, loaded = engine_of(scripted, answers, ledger)
    keys = [response.key for response in third.generate(map(a_request, (3, 9, 1, 8)))]
    assert sorted(keys) == ["k1", "k3", "k8", "k9"] and len(loaded) == 1 and len(scripted.seen) == 7
    spending = meter.spending()
    assert (spending.calls, spending.completion_tokens, spending.usd) == (5, 35, 0.0)


def test_another_model_under_the_same_name_is_asked_anew(answers, ledger):
    scripted = ScriptedEngine(lambda prompt: ("yes", "eos", ""))
    engine, meter, _ = engine_of(scripted, answers, ledger)
    list(engine.generate([a_request(1)]))
    loaded = LoadedWriter(scripted, ALPACA, LetterTokenizer(), (0,))
    other = LocalChatEngine("tiny", lambda: loaded, answers=answers, meter=meter, server="another content")
    list(other.generate([a_request(1)]))
    assert len(scripted.seen) == 2


def test_an_answer_that_fails_is_final_and_not_stored(answers, ledger):
    engine, meter, _ = engine_of(ScriptedEngine(lambda prompt: ("", "error", "")), answers, ledger)
    (response,) = engine.generate([a_request(1)])
    assert response.finish_reason == "error" and response.permanent and not len(answers)
    assert meter.open == 0 and meter.spending().calls == 0


def test_a_caller_that_stops_leaves_no_call_open(answers, ledger):
    engine, meter, _ = engine_of(ScriptedEngine(lambda prompt: ("yes", "eos", "")), answers, ledger)
    responses = engine.generate(map(a_request, range(6)))
    next(responses)
    assert meter.open == 1
    responses.close()
    assert meter.open == 0 and len(answers) == 1


def test_a_price_of_ones_own_is_capped_as_that_of_a_server(answers, ledger):
    scripted = ScriptedEngine(lambda prompt: ("yes", "eos", ""))
    engine, meter, _ = engine_of(scripted, answers, ledger, price=Price(0.0, 1_000_000.0), max_usd=30)
    made = []
    with pytest.raises(BudgetReachedError):
        made.extend(engine.generate(map(a_request, range(6))))
    assert 0 < len(scripted.seen) < 6 and meter.spent_usd <= 30 and meter.open == 0
