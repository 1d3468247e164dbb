"""The two rounds as a line of requests: what follows what, and that order decides nothing."""

import random

import pytest

from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions.code_functions import CODE_FUNCTIONS, first_request, program_request
from coma_cli.instructions.pending_requests import PENDING_REQUESTS, generation_request
from coma_cli.instructions.rounds import ItemDraft, Rounds
from coma_cli.instructions.rows import GeneratedRows, rows_of
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import Origin, PendingRequest
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


def rounds_of(seeds) -> Rounds[Seed]:
    return Rounds(CODE_FUNCTIONS, seeds, SETTINGS)


def rows(drafts) -> GeneratedRows:
    return rows_of(CODE_FUNCTIONS, drafts, SETTINGS, None)


def run(seeds, shuffle: random.Random | None = None) -> Rounds[Seed]:
    rounds = rounds_of(seeds)
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
        instruction, program = draft.texts
        assert f"<instruction>{instruction}</instruction>" == answered(first_request(draft.item, SETTINGS)).text
        second = program_request(draft.item, instruction, SETTINGS)
        assert second.key == f"{seed_id}/2" and instruction in second.instruction
        assert program in answered(second).text
        assert draft.state == "accepted" and draft.settled and draft.refused is None and len(draft.answers) == 2


def test_the_second_round_sees_instruction_and_function_or_the_instruction_alone():
    seed, task = a_seed(1), "Write a Python program that adds two numbers."
    assert seed.code in first_request(seed, SETTINGS).instruction
    both = program_request(seed, task, SETTINGS).instruction
    assert f"<task>\n{task}\n</task>" in both and f"<code>\n{seed.code}\n</code>" in both
    alone = program_request(seed, task, GenSettings(second_round="from-instruction")).instruction
    assert alone.startswith(task) and "area_1" not in alone


@pytest.mark.parametrize("second_round", ["from-code", "from-instruction"])
def test_programs_that_need_not_run_are_requested_without_main_part_and_comments(second_round):
    seed, shown = a_seed(1), {}
    for must_run in (True, False):
        settings = GenSettings(second_round=second_round, filters={"must_run": must_run})
        shown[must_run] = program_request(seed, "Write it.", settings).instruction
    assert "a `main` block that demonstrates it" in shown[True] and "comments in English" in shown[True]
    assert "no main function, no tests, no example calls" in shown[False] and "Write no comments." in shown[False]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def area_1(a, b):\n    return a * b + 1\n\nprint(area_1(2, 3))", None),
        ("import math\n\n\ndef area_1(\n    a, b\n):\n    # both\n    return a * b + 1\n\nprint(area_1(2, 3))", None),
        ("def area_1(a, b):\n    return a * b + 2\n\nprint(area_1(2, 3))", "lacks-the-function"),
        ("def area_2(a, b):\n    return a * b + 1\n\nprint(area_2(2, 3))", "lacks-the-function"),
        ("area_1 = max\nvalues = [2, 3]\nprint(area_1(values))", "lacks-the-function"),
    ],
)
def test_a_program_without_the_function_is_refused(program, reason):
    rounds = rounds_of([a_seed(1)])
    (first,) = rounds.requests()
    rounds.take(answered(first))
    (second,) = rounds.requests()
    (draft,) = rounds.take(answered(second, f"```python\n{program}\n```"))
    assert (draft.refused and draft.refused.reason) == reason


def test_a_row_says_which_lines_people_wrote():
    made = rows(run([a_seed(1)]).drafts.values())
    (row,) = (*made.train, *made.validation)
    detail = "lines 1 to 2 of the answer are this function, the others were generated"
    assert row.origin == Origin(path="a.jsonl", row="1", detail=detail)
    assert "\n".join(row.output.split("\n")[:2]) == a_seed(1).code


def test_code_with_braces_and_tags_is_quoted_as_it_is():
    tricky = Seed("0" * 16, "python", "x = {'a': '{b}'}\ns = '</code>{language}'", "MIT", Origin())
    assert tricky.code in first_request(tricky, SETTINGS).instruction


def test_follow_ups_go_before_new_functions():
    rounds = rounds_of([a_seed(n) for n in range(4)])
    line = rounds.requests()
    first = next(line)
    rounds.take(answered(first))
    assert next(line).key == first.key.replace("/1", "/2")
    assert next(line).key.endswith("/1")


def test_the_order_of_answers_decides_nothing():
    seeds = [a_seed(n) for n in range(12)]
    one = rows(run(seeds).drafts.values())
    other = rows(run(seeds, random.Random(3)).drafts.values())
    assert one == other and len(one.train) + len(one.validation) + len(one.dropped) == 12 and one.train


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
    rounds = rounds_of([a_seed(1)])
    (request,) = rounds.requests()
    (draft,) = rounds.take(answered(request, **changes))
    assert draft.refused.reason == reason and draft.settled and not rounds.pending
    (row,) = rows([draft]).dropped
    assert row.reason == reason and row.row["code"] == draft.item.code
    assert row.row["program"] is None and row.row["instruction"] == draft.text(0)


def test_a_refused_second_answer_is_kept_with_its_instruction():
    rounds = rounds_of([a_seed(1)])
    (first,) = rounds.requests()
    rounds.take(answered(first))
    (second,) = rounds.requests()
    (draft,) = rounds.take(answered(second, "```python\ndef f(:\n  pass\nx\n```"))
    (row,) = rows([draft]).dropped
    assert row.reason == "does-not-parse"
    assert row.row["instruction"] == draft.texts[0]
    assert "def f(:" in row.row["program"]


def test_a_failed_call_is_neither_accepted_nor_dropped():
    rounds = rounds_of([a_seed(1)])
    (request,) = rounds.requests()
    (draft,) = rounds.take(answered(request, finish_reason="error", error="500"))
    assert (draft.state, draft.failure, draft.settled) == ("failed", "500", False)
    assert not rounds.pending
    assert rows([draft]).reasons == {}


def test_a_draft_is_a_value_that_an_answer_does_not_change():
    rounds = rounds_of([a_seed(1)])
    (request,) = rounds.requests()
    (before,) = rounds.drafts.values()
    (after,) = rounds.take(answered(request))
    assert before == ItemDraft(a_seed(1), answers=before.answers)
    assert (after.state, len(after.texts)) == ("open", 1)
    with pytest.raises(AttributeError):
        after.state = "accepted"


def a_request(number: int, asks_for: str = "instruction") -> PendingRequest:
    return PendingRequest(
        id=f"{number:020x}",
        subset="code-generation-cn",
        task="code-generation" if asks_for == "instruction" else "code-summarization",
        source="codesearchnet",
        language="python",
        text_language="cn",
        asks_for=asks_for,
        english=f"Write the function join_{number}.",
        input="" if asks_for == "instruction" else f"def join_{number}():\n    return {number}",
        output=f"value = {number}" if asks_for == "instruction" else "",
        licence="MIT",
    )


@pytest.mark.parametrize("asks_for", ["instruction", "output"])
def test_a_pending_request_is_one_round_and_becomes_the_row_that_was_wanted(asks_for):
    rounds = Rounds(PENDING_REQUESTS, [a_request(1, asks_for)], SETTINGS)
    (request,) = rounds.requests()
    assert request == generation_request(a_request(1, asks_for), SETTINGS)
    (draft,) = rounds.take(answered(request))
    assert draft.state == "accepted" and not rounds.pending
    row = PENDING_REQUESTS.example(draft, SETTINGS)
    assert (row.text_language, getattr(row, asks_for)) == ("cn", draft.texts[0])
    assert row.made_by == f"{SETTINGS.model} on request {a_request(1).id}, answer {draft.answers[0][:16]}"


def test_a_refused_text_of_a_pending_request_is_kept_with_its_request():
    rounds = Rounds(PENDING_REQUESTS, [a_request(1), a_request(2)], SETTINGS)
    one, other = rounds.requests()
    (refused,) = rounds.take(answered(one, "<chinese>only English words</chinese>"))
    (failed,) = rounds.take(answered(other, finish_reason="error", error="500"))
    assert (refused.state, failed.state) == ("refused", "failed")
    made = rows_of(PENDING_REQUESTS, rounds.drafts.values(), SETTINGS, None)
    (row,) = made.dropped
    assert (row.id, row.reason, row.row["text"]) == (a_request(1).id, "other-text-language", "only English words")
    assert not made.train


def test_seeds_of_calls_follow_from_the_runs_seed_and_the_function():
    seed = a_seed(1)
    assert first_request(seed, SETTINGS).seed == first_request(seed, GenSettings(num=7)).seed
    assert first_request(seed, SETTINGS).seed != first_request(seed, GenSettings(seed=1)).seed
    assert first_request(seed, SETTINGS).seed != program_request(seed, "x", SETTINGS).seed
