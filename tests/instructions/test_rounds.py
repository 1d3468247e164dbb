"""The two rounds as a line of requests: what follows what, and that order decides nothing."""

import random

import pytest

from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions.rounds import Rounds, first_request, second_request
from coma_cli.instructions.rows import rows_of
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import Origin
from tests.chat_server import derived_answer

SETTINGS = GenSettings(validation_share=0.3)


def a_seed(number: int, language: str = "python") -> Seed:
    text = f"def area_{number}(a, b):\n    return a * b + {number}"
    return Seed(f"{number:016x}", language, text, "MIT", Origin(path="a.jsonl", row=str(number)))


def answered(request: GenerationRequest, text: str | None = None, **changes) -> GenerationResponse:
    message = {"role": "user", "content": request.instruction}
    content = derived_answer({"messages": [message], "seed": request.seed}) if text is None else text
    return GenerationResponse(
        request.key, content, **{"finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1, **changes}
    )


def run(seeds, shuffle: random.Random | None = None) -> Rounds:
    rounds = Rounds(seeds, SETTINGS)
    while rounds.pending:
        waiting = list(rounds.requests())
        if shuffle:
            shuffle.shuffle(waiting)
        for request in waiting:
            rounds.take(answered(request))
    return rounds


def test_a_row_is_an_instruction_and_its_own_program():
    rounds = run([a_seed(n) for n in range(5)])
    for seed_id, draft in rounds.drafts.items():
        instruction = answered(first_request(draft.seed, SETTINGS)).text
        assert f"<instruction>{draft.instruction}</instruction>" == instruction
        second = second_request(draft.seed, draft.instruction, SETTINGS)
        assert second.key == f"{seed_id}/2" and second.instruction.startswith(draft.instruction)
        assert draft.program in answered(second).text
        assert draft.settled and draft.refused is None and len(draft.answers) == 2


def test_the_second_round_does_not_see_the_code():
    seed = a_seed(1)
    assert "area_1" in first_request(seed, SETTINGS).instruction
    assert "area_1" not in second_request(seed, "Write a Python program that adds two numbers.", SETTINGS).instruction


def test_code_with_braces_and_tags_is_quoted_as_it_is():
    tricky = Seed("0" * 16, "python", "x = {'a': '{b}'}\ns = '</code>{language}'", "MIT", Origin())
    assert tricky.code in first_request(tricky, SETTINGS).instruction


def test_follow_ups_go_before_new_functions():
    rounds = Rounds([a_seed(n) for n in range(4)], SETTINGS)
    line = rounds.requests()
    first = next(line)
    rounds.take(answered(first))
    assert next(line).key == first.key.replace("/1", "/2")
    assert next(line).key.endswith("/1")


def test_the_order_of_answers_decides_nothing():
    seeds = [a_seed(n) for n in range(12)]
    one = rows_of(run(seeds).drafts.values(), SETTINGS, None)
    other = rows_of(run(seeds, random.Random(3)).drafts.values(), SETTINGS, None)
    assert one == other and len(one.train) + len(one.validation) == 12 and one.validation


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "no tags at all"}, "no-instruction"),
        ({"text": "<instruction>x</instruction>"}, "instruction-too-short"),
        ({"finish_reason": "length"}, "truncated"),
        ({"finish_reason": "error", "error": "400", "permanent": True}, "request-refused"),
    ],
)
def test_a_refused_first_answer_ends_a_draft_without_a_second_call(changes, reason):
    rounds = Rounds([a_seed(1)], SETTINGS)
    (request,) = rounds.requests()
    draft = rounds.take(answered(request, **changes))
    assert draft.refused.reason == reason and draft.settled and not rounds.pending
    (row,) = rows_of([draft], SETTINGS, None).dropped
    assert row.reason == reason and row.row["code"] == draft.seed.code


def test_a_refused_second_answer_is_kept_with_its_instruction():
    rounds = Rounds([a_seed(1)], SETTINGS)
    (first,) = rounds.requests()
    rounds.take(answered(first))
    (second,) = rounds.requests()
    draft = rounds.take(answered(second, "```python\ndef f(:\n  pass\nx\n```"))
    (row,) = rows_of([draft], SETTINGS, None).dropped
    assert (
        row.reason == "does-not-parse"
        and row.row["instruction"] == draft.instruction
        and "def f(:" in row.row["program"]
    )


def test_a_failed_call_is_neither_accepted_nor_dropped():
    rounds = Rounds([a_seed(1)], SETTINGS)
    (request,) = rounds.requests()
    draft = rounds.take(answered(request, finish_reason="error", error="500"))
    assert draft.failed == "500" and not draft.settled
    assert rows_of([draft], SETTINGS, None).reasons == {}


def test_seeds_of_calls_follow_from_the_runs_seed_and_the_function():
    seed = a_seed(1)
    assert first_request(seed, SETTINGS).seed == first_request(seed, GenSettings(num=7)).seed
    assert first_request(seed, SETTINGS).seed != first_request(seed, GenSettings(seed=1)).seed
    assert first_request(seed, SETTINGS).seed != second_request(seed, "x", SETTINGS).seed
