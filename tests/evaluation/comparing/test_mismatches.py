import pytest
from pydantic import BaseModel

from coma_cli.errors import UsageError
from coma_cli.evaluation.comparing.mismatches import DECODING, LIMITS, mismatches, refuse
from coma_cli.evaluation.comparing.scored_run import paired_conditions, scored_run
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.evaluation.sampling.summary import SampleSummary
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.records import Sample
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace
from tests.evaluation.sampled import sample
from tests.evaluation.scored import passing, score_run


class Sampled(BaseModel):
    """What the summary of sample says of its prompts and settings."""

    protocol: str = "instruct"
    prompt_form: str = "instruction"
    template: str | None = "alpaca"
    template_sha256: str | None = "a" * 64
    top_p: float = 0.95
    max_new_tokens: int = 512


def sampled(root, name, benchmark="published", settings=None, **said) -> Artifact:
    """A sample run whose summary says how it asked."""
    made = SampleSettings(model=name, **(settings or {}))
    inputs = (Input("benchmark", "b", benchmark), Input("model", name, name))
    with Workspace(root).open_run("sample", made, Plan("humaneval", inputs, 1, {}), name=name) as run:
        run.journal("samples.jsonl", Sample).append_all([sample("HumanEval/0", 0, name)])
        return run.finish(StageResult(Sampled(**said), ("samples.jsonl",)))


def found(root, first, second):
    """What differs between two score runs, each given as the arguments of `score_run`."""
    runs = []
    for name, given in (("a", first), ("b", second)):
        given = dict(given)
        outcomes = given.pop("outcomes", passing(1))
        runs.append(scored_run(score_run(root, name, outcomes, **given), name))
    return {one.what: one for one in mismatches(runs, paired_conditions(runs)[0])}


def of_samples(root, name, **said):
    return {"samples": sampled(root, name, **said).as_input("sample")}


def test_what_is_read_of_runs_is_what_sample_and_score_write():
    assert {*DECODING, *Sampled.model_fields} <= SampleSummary.model_fields.keys()
    assert set(LIMITS) <= ScoreSettings.model_fields.keys()
    assert "chat_template_kwargs" in SampleSettings.model_fields


def test_runs_that_are_alike_differ_in_nothing(workspace_root):
    assert found(workspace_root, {}, {}) == {}


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        ("protocols", {}, {"protocols": ("as-is",)}),
        ("problems", {}, {"outcomes": passing(1, of=19)}),
        ("problems", {"outcomes": {"P/1": [True], "P/2": [True]}}, {"outcomes": {"P/1": [True], "P/3": [True]}}),
        ("problems", {}, {"excluded": {"HumanEval/3": "timeout"}}),
        ("limits and modes of score", {}, {"timeout_s": 9.0}),
        ("limits and modes of score", {}, {"mode": "inproc"}),
        ("benchmarks", {}, {"bench": "humaneval+"}),
    ],
)
def test_what_decides_verdicts_is_refused_and_named(workspace_root, what, first, second):
    differs = found(workspace_root, first, second)
    assert list(differs) == [what] and differs[what].refused
    with pytest.raises(UsageError, match=f"differ in more than the model:\n  {what}: a: .*; b: ") as caught:
        refuse(list(differs.values()), "Do this.")
    assert caught.value.hint == "Do this."


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        ("temperatures", {}, {"temperatures": (0.8,)}),
        ("samples per problem", {}, {"outcomes": {f"HumanEval/{n}": [True] * 3 for n in range(20)}}),
        ("isolation", {}, {"isolation": "landlock"}),
    ],
)
def test_what_may_be_compared_is_said(workspace_root, what, first, second):
    differs = found(workspace_root, first, second)
    assert list(differs) == [what] and not differs[what].refused
    refuse(list(differs.values()), "Do this.")


def test_the_problems_that_not_all_have_are_named(workspace_root):
    differs = found(workspace_root, {}, {"outcomes": passing(1, of=15)})
    assert differs["problems"].values == {
        "a": "20 problems, 5 of them not in all (HumanEval/15, HumanEval/16, HumanEval/17, ...)",
        "b": "15 problems",
    }


def test_prompts_are_those_of_the_sample_runs(workspace_root):
    first = of_samples(workspace_root, "base")
    assert found(workspace_root, first, of_samples(workspace_root, "tuned")) == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"template": "firefly", "template_sha256": "b" * 64}),
        ({}, {"template_sha256": "b" * 64}),
        ({}, {"protocol": "base"}),
        ({}, {"settings": {"chat_template_kwargs": {"enable_thinking": False}}}),
    ],
)
def test_other_prompts_are_refused(workspace_root, first, second):
    runs = of_samples(workspace_root, "base", **first), of_samples(workspace_root, "tuned", **second)
    differs = found(workspace_root, *runs)
    assert list(differs) == ["prompts"] and differs["prompts"].refused


def test_each_models_own_chat_template_counts_as_one(workspace_root):
    runs = (of_samples(workspace_root, n, template="chat", template_sha256=n * 32) for n in ("ab", "cd"))
    assert found(workspace_root, *runs) == {}


def test_sampling_settings_are_said(workspace_root):
    runs = of_samples(workspace_root, "base"), of_samples(workspace_root, "tuned", max_new_tokens=256)
    differs = found(workspace_root, *runs)
    assert differs["sampling settings"].values == {"a": "max_new_tokens 512", "b": "max_new_tokens 256"}
    assert not differs["sampling settings"].refused


def test_prompts_of_files_from_elsewhere_are_not_known_and_say_so(workspace_root):
    differs = found(workspace_root, of_samples(workspace_root, "base"), {})
    assert list(differs) == ["prompts that are not known"] and not differs["prompts that are not known"].refused


def test_versions_of_a_benchmark_that_is_not_as_published_are_told_apart_by_content(workspace_root):
    own = {"as_published": False, "changed": 1}
    first = of_samples(workspace_root, "base") | {"benchmark": own}
    same = of_samples(workspace_root, "same") | {"benchmark": own}
    assert found(workspace_root, first, same) == {}


def test_another_version_of_the_benchmark_is_refused(workspace_root):
    own = {"as_published": False, "changed": 1}
    first = of_samples(workspace_root, "base") | {"benchmark": own}
    second = of_samples(workspace_root, "other", benchmark="changed") | {"benchmark": own}
    differs = found(workspace_root, first, second)
    assert differs["versions of the benchmark"].values == {"a": "published", "b": "changed"}
    assert differs["versions of the benchmark"].refused


def test_names_are_printed_without_what_a_terminal_acts_on(workspace_root):
    differs = found(workspace_root, {}, {"outcomes": {**passing(1), "\x1b[31mP\u202e/1": [True]}})
    line = differs["problems"].line()
    assert "\\x1b[31mP\\u202e/1" in line and line.isprintable()
