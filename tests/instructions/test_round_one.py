"""Round one: what varies between prompts, and that an answer to several functions never gives one another's text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.interface import GenerationResponse
from coma_cli.instructions.code_functions import CODE_FUNCTIONS, group_request
from coma_cli.instructions.round_one import (
    instructions_by_name,
    prompt_for_one,
    prompt_for_several,
    snippet_names,
    variation_of,
)
from coma_cli.instructions.rounds import Rounds
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import Origin
from tests.chat_server import derived_answer

SETTINGS = GenSettings(functions_per_request=3)


def a_seed(number: int, language: str = "python") -> Seed:
    text = f"def area_{number}(a, b):\n    return a * b + {number}"
    return Seed(f"{number:02x}" * 8, language, text, "MIT", Origin(path="a.jsonl", row=str(number)))


SEEDS = [a_seed(number) for number in range(1, 6)]
NAMES = tuple(snippet_names(SEEDS))


def task_of(name: str) -> str:
    return f"Write a Python program that computes the area of shape {name} and prints it."


def whole_answer(names=NAMES) -> list[dict]:
    return [{"snippet": name, "instruction": task_of(name)} for name in names]


entries = st.one_of(
    st.sampled_from(whole_answer()),
    st.sampled_from([{"instruction": task_of(name)} for name in NAMES]),  # which one is meant is not said
    st.builds(lambda n, name: {"snippet": n, "instruction": task_of(name)}, st.integers(0, 6), st.sampled_from(NAMES)),
    st.builds(
        lambda n, name: {"snippet": n, "instruction": task_of(name)}, st.sampled_from("123456"), st.sampled_from(NAMES)
    ),
    st.sampled_from([{"snippet": name, "instruction": None} for name in NAMES]),
    st.sampled_from([task_of(name) for name in NAMES]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
)
forms = st.sampled_from(("{}", "```json\n{}\n```", "Here they are:\n{}\nDone.", "<think>{{}}</think>\n{}"))
cuts = st.one_of(st.none(), st.integers(0, 400))


@given(st.lists(entries, max_size=9), forms, cuts)
def test_whatever_comes_back_a_text_belongs_to_the_function_that_it_names(answer, form, cut):
    text = form.format(json.dumps({"tasks": answer}))[:cut]
    for name, instruction in instructions_by_name(text, NAMES).items():
        assert instruction == task_of(name)


@given(st.permutations(whole_answer()), st.integers(0, 5), forms)
def test_a_reordered_or_partial_answer_gives_what_it_holds(answer, count, form):
    text = form.format(json.dumps({"tasks": answer[:count]}))
    assert instructions_by_name(text, NAMES) == {e["snippet"]: e["instruction"] for e in answer[:count]}


@given(st.data())
def test_no_draft_ever_has_the_instruction_of_another_function(data):
    rounds = Rounds(CODE_FUNCTIONS, SEEDS, SETTINGS)
    while rounds.pending:
        for request in rounds.requests():
            seeds = [seed for seed in SEEDS if seed.id in request.key]
            if len(seeds) > 1:
                names = tuple(snippet_names(seeds))
                answer = data.draw(st.lists(st.sampled_from([*whole_answer(), {"instruction": "x"}, 1]), max_size=6))
                text = json.dumps({"tasks": [e for e in answer if e == 1 or e.get("snippet", names[0]) in names]})
            elif request.key.endswith("/1"):
                text = f"<instruction>{task_of(seeds[0].id[:8])}</instruction>"
            else:
                text = f"```python\n{seeds[0].code}\n\nprint(area_{int(seeds[0].id[:2], 16)}(1, 2))\n```"
            rounds.take(GenerationResponse(request.key, text, "stop", 1, 1))
    for draft in rounds.drafts.values():
        assert draft.state == "accepted" and draft.texts[0] == task_of(draft.item.id[:8])
        assert draft.item.code in draft.texts[1] and len(draft.answers) == 2


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "{",
        '{"tasks": 3}',
        '["tasks"]',
        json.dumps([task_of(name) for name in NAMES]),
        json.dumps({"tasks": [*whole_answer(), *whole_answer()]}),
        json.dumps({name: task_of(name) for name in NAMES}),
    ],
)
def test_an_answer_in_another_form_gives_nothing(text):
    assert instructions_by_name(text, NAMES) == {}


def test_a_refused_or_cut_answer_to_several_is_followed_by_one_request_each():
    for reason, permanent in (("length", False), ("error", True)):
        rounds = Rounds(CODE_FUNCTIONS, SEEDS[:3], SETTINGS)
        (group,) = rounds.requests()
        rounds.take(GenerationResponse(group.key, "{", reason, 1, 1, permanent=permanent))
        assert [request.key for request in rounds.requests()] == [f"{seed.id}/1" for seed in SEEDS[:3]]


def test_a_failed_call_for_several_is_a_failure_of_each():
    rounds = Rounds(CODE_FUNCTIONS, SEEDS[:3], SETTINGS)
    (group,) = rounds.requests()
    drafts = rounds.take(GenerationResponse(group.key, "", "error", 0, 0, error="500"))
    assert [draft.state for draft in drafts] == ["failed"] * 3 and not rounds.pending


def test_the_schema_allows_the_names_of_the_snippets_only():
    request = group_request(SEEDS[:2], SETTINGS)
    entry = json.loads(request.json_schema)["properties"]["tasks"]["items"]
    assert entry["properties"]["snippet"]["enum"] == list(NAMES[:2])
    assert all(f'<snippet name="{name}" language="Python">' in request.instruction for name in NAMES[:2])
    assert request.decoding.max_new_tokens == 600


def test_requirements_vary_by_function_and_seed_and_stay_the_same_otherwise():
    drawn = [variation_of(0, f"f{n}", "codecapybara") for n in range(400)]
    assert drawn == [variation_of(0, f"f{n}", "codecapybara") for n in range(400)]
    assert drawn != [variation_of(1, f"f{n}", "codecapybara") for n in range(400)]
    drawn = [variation_of(0, f"f{n}", "codecapybara") for n in range(2000)]
    assert {v.fewest for v in drawn} == set(range(51)) and {v.most - v.fewest for v in drawn} == set(range(30, 101))
    assert 900 < sum(v.describes_data for v in drawn) < 1100 and len({v.form for v in drawn}) == 6


def test_the_prompts_name_language_length_and_wording():
    seed = a_seed(1, "rust")
    for requirements in ("coma", "codecapybara"):
        variation = variation_of(7, seed.id, requirements)
        text = prompt_for_one(seed, 7, requirements, "en")
        assert seed.code in text and "Rust" in text and variation.form in text
        assert f"between {max(variation.fewest, 1)} and {variation.most} words long" in text
        assert "Simplified Chinese" in prompt_for_one(seed, 7, requirements, "cn")
    both = prompt_for_several([seed, a_seed(2)], 0, "codecapybara", "en")
    assert 'language="Rust"' in both and 'language="Python"' in both and "its snippet's language" in both


def test_the_answers_of_the_test_server_are_read():
    request = group_request(SEEDS[:3], SETTINGS)
    text = derived_answer({"messages": [{"role": "user", "content": request.instruction}]})
    assert set(instructions_by_name(text, NAMES)) == set(NAMES[:3])
