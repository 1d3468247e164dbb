"""Plans of sample runs: the protocol that is printed and stored, what overrides it, and the rows that have no room."""

from pathlib import Path

import pytest

from coma_cli.errors import CliError, UsageError
from coma_cli.prompting import ALPACA, CAPYBARA
from tests.evaluation.sampler import Sampler, rows_of
from tests.requirements import package
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    package("torch", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1)


@pytest.fixture
def sampler(tmp_path, model) -> Sampler:
    return Sampler(tmp_path / "workspace", model=str(model), limit=2, runtime__batch_size=8)


def test_a_published_protocol_is_printed_with_all_that_differs(sampler):
    plan = sampler.plan(protocol="capybara-paper", n=2, max_new_tokens=4)
    assert "Protocol: capybara-paper (as requested)" in plan.notes
    (departs,) = [note for note in plan.notes if "departs from" in note]
    assert "n 2 instead of 200, max_new_tokens 4 instead of 128" in departs
    summary = sampler(protocol="capybara-paper", n=2, max_new_tokens=4).summary
    assert (summary["protocol"], summary["extraction"]) == ("capybara-paper", "capybara-cut")
    assert (summary["top_p"], summary["top_k"], summary["temperatures"]) == (0.75, 40, [0.1])
    assert summary["protocol_departures"][0] == "n 2 instead of 200"
    assert summary["stop"] == []


def test_a_published_protocol_overrides_the_template_of_a_tuned_model_loudly(sampler, model):
    ALPACA.save(model)
    try:
        plan = sampler.plan(protocol="coma-paper")
        assert any(note.startswith("Warning: the model was tuned with the template alpaca") for note in plan.notes)
        assert not plan.blockers
        with pytest.raises(UsageError, match="tuned with the template alpaca"):
            sampler.plan(protocol="instruct", template=CAPYBARA.name)
    finally:
        (model / "coma_template.json").unlink()


def test_the_default_names_what_the_model_decided(sampler):
    plan = sampler.plan()
    assert "Protocol: instruct (it fits the model)" in plan.notes
    assert sampler(max_new_tokens=2).summary["protocol"] == "instruct"


def test_the_length_with_the_prompt_counted_limits_and_skips_rows(sampler):
    lengths = [sampler.plan(protocol="completion").prompt_tokens(f"HumanEval/{number}") for number in (0, 1)]
    short, long = sorted(lengths)
    artifact = sampler(protocol="completion", max_length=short + 3, n=2, temperature=0.8)
    rows = rows_of(artifact)
    assert sorted(row.finish_reason == "error" for row in rows) == [False, False, True, True]
    assert all(row.completion_tokens <= 3 for row in rows)
    assert any("leave no room" in row.error for row in rows)
    assert artifact.summary["samples"] == 2 and artifact.summary["errors"]
    with pytest.raises(CliError, match="No prompt fits"):
        sampler(protocol="completion", max_length=short)
    assert long > short


def test_an_unknown_protocol_is_refused(sampler):
    with pytest.raises(UsageError, match="three-shot"):
        sampler.plan(protocol="three-shot")


def test_beams_and_penalties_are_sampled_and_stored(sampler):
    beams = sampler(num_beams=3, temperature=0, max_new_tokens=6, n=1)
    assert beams.summary["num_beams"] == 3 and beams.summary["samples"] == 2
    plain = sampler(temperature=0, max_new_tokens=20, n=1)
    penalized = sampler(temperature=0, max_new_tokens=20, n=1, repetition_penalty=5.0)
    assert penalized.summary["repetition_penalty"] == 5
    assert [row.completion for row in rows_of(plain)] != [row.completion for row in rows_of(penalized)]
    assert len({beams.path, plain.path, penalized.path}) == 3


def test_the_settings_of_the_authors_are_used_and_stored(sampler, model):
    path = model / "generation_config.json"
    before = path.read_text()
    path.write_text(before.replace("{", '{"do_sample": true, "temperature": 0.7, "top_k": 5,', 1))
    try:
        plan = sampler.plan(protocol="generation-config")
        assert any("generation_config.json: temperature 0.7" in note for note in plan.notes)
        artifact = sampler(protocol="generation-config", max_new_tokens=3, n=2)
    finally:
        path.write_text(before)
    assert (artifact.summary["temperatures"], artifact.summary["top_k"]) == ([0.7], 5)
    assert {row.temperature for row in rows_of(artifact)} == {0.7}


THINKS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}"
    "{% endif %}"
)


@pytest.fixture
def thinking(tmp_path, model) -> Sampler:
    import shutil

    folder = shutil.copytree(model, tmp_path / "thinking")
    (folder / "chat_template.jinja").write_text(THINKS)
    return Sampler(tmp_path / "w", model=str(folder), limit=1, n=2, temperature=0.8, max_new_tokens=3)


def test_a_reasoning_part_has_a_limit_of_its_own_and_is_cut_loudly(thinking, capsys):
    plan = thinking.plan(max_reasoning_tokens=7)
    assert "Reasoning: the model may write up to 7 tokens before its answer" in plan.notes
    artifact = thinking(max_reasoning_tokens=7)
    rows = rows_of(artifact)
    assert all(row.completion == "" and row.reasoning and row.reasoning_cut for row in rows)
    assert {row.reasoning_tokens for row in rows if row.finish_reason == "length"} == {7}
    assert artifact.summary["reasoning_cut"] == 2 and artifact.summary["truncated_share"] == 1
    assert "raise --max-reasoning-tokens above 7" in capsys.readouterr().err


def test_reasoning_that_is_switched_off_leaves_the_usual_limit(thinking):
    artifact = thinking(chat_template_kwargs={"enable_thinking": "false"})
    assert artifact.summary["max_reasoning_tokens"] is None
    assert all(row.completion_tokens <= 3 and not row.reasoning for row in rows_of(artifact))
