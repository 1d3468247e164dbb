"""`coma run`: a recipe's commands one after another."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from coma_cli.commands.shared import DEFAULT_WORKSPACE, WorkspaceOption
from coma_cli.shipped import shipped


def _recipes() -> list[str]:
    return list(shipped("recipes"))


RecipeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE", help="Name of a recipe that comes with coma, or a YAML file of steps", autocompletion=_recipes
    ),
]


DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the command line of each step and whether it is done, and stop")
]


ScaleOption = Annotated[
    Literal["full", "tiny"],
    typer.Option(
        "--scale",
        metavar="full|tiny",
        help="full: as published; tiny: the same steps with a small model, few rows and few problems",
    ),
]
SourcesOption = Annotated[
    Path | None,
    typer.Option("--sources", metavar="DIR", help="Folder of the known sources' files, in place of the recipe's data"),
]
StepsOption = Annotated[
    list[str] | None,
    typer.Option("--steps", metavar="COMMAND,...", help="Only the steps of these commands [default: all]"),
]


def run(
    recipe: RecipeArgument,
    scale: ScaleOption = "full",
    sources: SourcesOption = None,
    steps: StepsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRunOption = False,
) -> None:
    """Run a recipe: several commands in one workspace, then tables of what they made and of what was published.

    Each command line is printed before it runs. Finished steps are not repeated: after a failure or an interruption
    run the same recipe again.

    Example: coma run quickstart --workspace workspace/quickstart
    """
    from coma_cli.commands.setting_options import parsed_list
    from coma_cli.workbench import published
    from coma_cli.workbench.overview import show_overview
    from coma_cli.workbench.recipes import Place, read_recipe, run_recipe, show_steps

    read = read_recipe(recipe).at(scale)
    if steps:
        read = read.only(parsed_list("--steps", ",".join(steps)))
    place = Place(Path(workspace), scale, sources)
    if dry_run:
        show_steps(read, place)
        return
    reports = run_recipe(read, place)
    show_overview(read.title, reports)
    if read.published:
        published.report(read.published, reports, place, Path(recipe).stem)
