"""`coma settings`: every key of a command's YAML file."""

from typing import TYPE_CHECKING, Annotated

import typer

from coma_cli.errors import UsageError, unknown_name
from coma_cli.pipeline import PIPELINE

if TYPE_CHECKING:
    pass

COMMANDS = [row.command for row in PIPELINE]


def _commands() -> list[str]:
    return COMMANDS


CommandArgument = Annotated[
    str,
    typer.Argument(metavar="COMMAND", help=f"One of {', '.join(COMMANDS)}", autocompletion=_commands),
]
YamlOption = Annotated[bool, typer.Option("--yaml", help="Print a settings file with all defaults, for --config")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


def settings(
    context: typer.Context, command: CommandArgument, yaml: YamlOption = False, json: JsonOption = False
) -> None:
    """List every setting of a command: its key, type, default and meaning.

    The keys are those of a YAML file (--config) and of --set KEY=VALUE.

    Example: coma settings score --yaml > score.yaml
    """
    from coma_cli.commands.setting_pages import as_json, as_page, as_yaml
    from coma_cli.console import print_json
    from coma_cli.stage import settings_of

    if command not in COMMANDS and command in context.parent.command.commands:  # type: ignore[union-attr]
        raise UsageError(f"`{command}` has no settings.", f"coma {command} --help")
    if command not in COMMANDS:
        raise unknown_name("command", command, COMMANDS)
    model = settings_of(command)
    if json:
        print_json(as_json(command, model))
    else:
        typer.echo(as_yaml(command, model) if yaml else as_page(command, model, context.make_formatter()))
