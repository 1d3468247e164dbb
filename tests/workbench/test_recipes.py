from pathlib import Path

import pytest

from coma_cli.cli import command_tree
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.shipped import shipped
from coma_cli.workbench.overview import show_overview
from coma_cli.workbench.recipes import SCALES, Place, StepFailedError, read_recipe, run_recipe, show_steps
from coma_cli.workbench.step_report import StepReport
from coma_cli.workspace import Workspace

CODE = '''
def area(width, height):
    """Return the area of a rectangle given its width and its height."""
    if width < 0 or height < 0:
        raise ValueError("a side can't be negative")
    return width * height
'''


PARTS = """
title: t
sources: {tiny: --from-repo stdlib}
published: [{model: M, score: s, percent: {1: 9.7}, source: README}]
steps:
  - {command: build-data, name: d, options: "--tasks all {sources}", full: --size paper, tiny: --per-task 4}
  - {command: finetune, name: t, options: "--data {build-data:d}", torchrun: true}
  - {command: sample, name: s, options: "--model {finetune:t}", only: full}
  - {command: score, name: s, options: "--samples {sample:s}", only: full}
"""


def write_recipe(folder: Path, text: str) -> str:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", shipped("recipes"))
def test_every_recipe_that_comes_with_coma_has_steps_that_its_commands_take(name, scale):
    recipe, place = read_recipe(name).at(scale), Place(Path("w"), scale, Path("data") if scale == "tiny" else None)
    for step in recipe.steps:
        command = command_tree().commands[step.command]
        context = command.make_context(step.command, recipe.arguments(step, place)[1:])
        assert context.params["name"] == place.run_name(step.name)
    assert not any("{" in word for step in recipe.steps for word in recipe.arguments(step, place))


def test_recipes_of_both_publications_and_their_bases_come_with_coma():
    tuned = {"coma-qwen-7b", "coma-codellama-7b-python", "coma-wizardcoder-7b-python", "coma-llama-7b-full"}
    tuned |= {"codecapybara-lora", "codecapybara-full"}
    bases = {"llama-7b", "llama-7b-decapoda", "alpaca-lora-7b"}
    bases |= {"qwen-7b-original", "codellama-7b-python", "wizardcoder-python-7b"}
    assert set(shipped("recipes")) == {"quickstart"} | tuned | bases
    assert all(read_recipe(name).published for name in (tuned | bases) - {"coma-llama-7b-full"})


@pytest.mark.parametrize("name", sorted(set(shipped("recipes")) - {"quickstart"}))
def test_a_tiny_run_needs_no_model_hub_and_few_problems(name):
    recipe, place = read_recipe(name).at("tiny"), Place(Path("w"), "tiny")
    for step in recipe.steps:
        words = recipe.arguments(step, place)
        if step.command in ("finetune", "sample"):
            model = words[words.index("--base" if step.command == "finetune" else "--model") + 1]
            assert model == "smollm2-135m" or model.startswith("w/")
        if step.command == "sample":
            assert "--task-ids" in words and "humaneval" in words
        if step.command == "build-data":
            assert "stdlib" in words and "hub" not in words


def test_each_scale_has_its_own_options_names_and_steps(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path, PARTS))
    full, tiny = Place(Path("w")), Place(Path("w"), "tiny")
    build, tune = recipe.steps[:2]
    end = ["--workspace", "w"]
    assert recipe.arguments(build, full) == ["build-data", "--tasks", "all", "--size", "paper", "--name", "d", *end]
    assert recipe.arguments(build, tiny) == [
        *("build-data", "--tasks", "all", "--from-repo", "stdlib", "--per-task", "4", "--name", "d-tiny"), *end,
    ]  # fmt: skip
    given = recipe.arguments(build, Place(Path("w"), "tiny", Path("my data")))
    assert given[3:7] == ["--sources", "my data", "--source-splits", "any"] and "stdlib" not in given
    assert recipe.arguments(tune, tiny)[1:3] == ["--data", "w/build-data/d-tiny"]
    assert [step.command for step in recipe.at("tiny").steps] == ["build-data", "finetune"]
    assert recipe.at("full").published and not recipe.at("tiny").published


def test_some_steps_of_a_recipe(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path, PARTS))
    assert [step.command for step in recipe.only(["score", "finetune"]).steps] == ["finetune", "score"]
    assert not recipe.only(["sample"]).published
    with pytest.raises(UsageError, match="Did you mean score"):
        recipe.only(["scor"])


def test_a_step_on_each_gpu_is_started_by_torchrun_at_full_scale_only(tmp_path, capsys):
    recipe = read_recipe(write_recipe(tmp_path, PARTS))
    for scale in SCALES:
        show_steps(recipe, Place(tmp_path / "w", scale))
    shown = capsys.readouterr().out
    assert shown.count("torchrun --standalone --nproc-per-node gpu -m coma_cli finetune") == 1
    assert shown.count(" coma finetune") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: t\nsteps: []\n", "at least 1 item"),
        ("title: t\nsteps: [{command: smaple, name: x}]\n", "Did you mean sample"),
        ("title: t\nsteps: [{command: score, name: x, option: y}]\n", "option: Extra inputs"),
        ("title: [", "not valid YAML"),
        ("title: t\nsteps: [{command: score, name: x, options: '{sample:y}'}]\n", "names no earlier step: sample:y"),
        (PARTS.replace("score: s,", "score: z,"), "the published figure of M names no score step: z"),
        (PARTS.replace("only: full", "only: small"), "only"),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_reason(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_recipe(write_recipe(tmp_path, text))


def test_an_absent_recipe(tmp_path):
    with pytest.raises(MissingInputError):
        read_recipe(str(tmp_path / "absent.yaml"))


def test_steps_run_in_order_and_a_second_run_finds_them_done(tmp_path, capfd):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "shapes.py").write_text(CODE)
    recipe = read_recipe(
        write_recipe(
            tmp_path,
            "title: t\nsteps:\n"
            f"  - {{command: build-data, name: d, options: --from-repo '{tmp_path}/code' --tasks all}}\n",
        )
    )
    place = Place(tmp_path / "w")
    reports = run_recipe(recipe, place)
    assert [(r.command, r.name) for r in reports] == [("build-data", "d")]
    first = Workspace(tmp_path / "w").require_newest("build-data")
    assert run_recipe(recipe, place)[0].summary == reports[0].summary
    assert Workspace(tmp_path / "w").require_newest("build-data") == first
    assert "[1/1] coma build-data" in capfd.readouterr().err


def test_a_failing_step_stops_the_recipe_with_its_own_exit_code(tmp_path):
    path = write_recipe(
        tmp_path,
        "title: t\nsteps: [{command: score, name: s, options: --bench humaneval}, {command: sample, name: x}]\n",
    )
    with pytest.raises(StepFailedError) as caught:
        run_recipe(read_recipe(path), Place(tmp_path / "w"))
    assert caught.value.exit_code == 3
    assert caught.value.message.startswith("coma score failed")


def test_scores_stand_side_by_side_and_what_is_not_defined_says_so(capsys):
    def scored(name, value):
        summary = {
            "bench": "humaneval",
            "benchmark": {"as_published": True},
            "problems": 2,
            "samples": 10,
            "pass_at_k": {
                "1": {
                    "value": value,
                    "ci95": [0.0, 0.5],
                    "sampling_share": None,
                    "exact": False,
                    "method": "bootstrap",
                },
                "10": {"value": None, "ci95": None, "sampling_share": None, "exact": False, "method": None},
            },
            "results": [{"protocol": "default"}],
        }
        return StepReport("score", name, summary, 1.5)

    show_overview("T", [scored("base", 0.1), scored("tuned", 0.25)])
    shown = capsys.readouterr().out
    assert "25.0 [0, 50]" in shown
    assert shown.count("not defined") == 2
    assert "total" in shown
