from pathlib import Path

import pytest

from coma_cli.cli import command_tree
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.shipped import shipped
from coma_cli.workbench.overview import show_overview
from coma_cli.workbench.recipes import StepFailedError, read_recipe, run_recipe
from coma_cli.workbench.step_report import StepReport
from coma_cli.workspace import Workspace

CODE = '''
def area(width, height):
    """Return the area of a rectangle given its width and its height."""
    if width < 0 or height < 0:
        raise ValueError("a side can't be negative")
    return width * height
'''


def write_recipe(folder: Path, text: str) -> str:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", shipped("recipes"))
def test_every_recipe_that_comes_with_coma_has_steps_that_its_commands_take(name):
    recipe = read_recipe(name)
    for step in recipe.steps:
        command = command_tree().commands[step.command]
        context = command.make_context(step.command, step.arguments(Path("w"))[1:])
        assert context.params["name"] == step.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: t\nsteps: []\n", "at least 1 item"),
        ("title: t\nsteps: [{command: smaple, name: x}]\n", "Did you mean sample"),
        ("title: t\nsteps: [{command: score, name: x, option: y}]\n", "option: Extra inputs"),
        ("title: [", "not valid YAML"),
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
    reports = run_recipe(recipe, tmp_path / "w")
    assert [(r.command, r.name) for r in reports] == [("build-data", "d")]
    first = Workspace(tmp_path / "w").require_newest("build-data")
    assert run_recipe(recipe, tmp_path / "w")[0].summary == reports[0].summary
    assert Workspace(tmp_path / "w").require_newest("build-data") == first
    assert "[1/1] coma build-data" in capfd.readouterr().err


def test_a_failing_step_stops_the_recipe_with_its_own_exit_code(tmp_path):
    path = write_recipe(
        tmp_path,
        "title: t\nsteps: [{command: score, name: s, options: --bench humaneval}, {command: sample, name: x}]\n",
    )
    with pytest.raises(StepFailedError) as caught:
        run_recipe(read_recipe(path), tmp_path / "w")
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
