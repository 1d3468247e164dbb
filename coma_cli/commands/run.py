"""`coma run`: a recipe's commands one after another."""

from pathlib import Path
from typing import Annotated

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


def run(recipe: RecipeArgument, workspace: WorkspaceOption = DEFAULT_WORKSPACE, dry_run: DryRunOption = False) -> None:
    """Run a recipe: several commands in one workspace, then one table of what they made.

    Each command line is printed before it runs. Finished steps are not repeated: after a failure or an interruption
    run the same recipe again.

    Example: coma run quickstart --workspace workspace/quickstart
    """
    from coma_cli.workbench.overview import show_overview
    from coma_cli.workbench.recipes import read_recipe, run_recipe, show_steps

    read = read_recipe(recipe)
    if dry_run:
        show_steps(read, Path(workspace))
        return
    show_overview(read.title, run_recipe(read, Path(workspace)))
