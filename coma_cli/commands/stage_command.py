"""The commands of the pipeline as typer knows them: by name and help at once, by their options when these are needed.

Options are made from a command's settings, whose models take longer to import than a list of commands should take. So
`coma --help` reads the docstrings of the six functions only, and a command finds out its options when its own help, its
run or a completion asks for them.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from typer import Typer
from typer.main import get_command

from coma_cli.commands.help_pages import PlainCommand
from coma_cli.commands.shared import Flags, Shared

CommandFunction = Callable[[Shared, Flags], None]


class StageCommand(PlainCommand):
    """A command that runs one stage."""

    def __init__(self, name: str, function: CommandFunction, more: Mapping[str, tuple[Any, Any]]) -> None:
        epilog = f"All other settings, for --config and --set: coma settings {name}"
        super().__init__(name, help=inspect.getdoc(function), epilog=epilog, rich_markup_mode=None)
        self.function, self.more = function, more

    @cached_property
    def _with_options(self) -> Any:
        """The command with all its options, as typer makes it."""
        from coma_cli.commands.options import with_options
        from coma_cli.settings import setting_keys
        from coma_cli.stage import settings_of

        app = Typer(add_completion=False, rich_markup_mode=None)
        keys = setting_keys(settings_of(str(self.name)))
        app.command(self.name)(with_options(self.function, keys, self.more))
        return get_command(app)

    def get_params(self, ctx: Any) -> Any:
        """All options, that for help included."""
        return self._with_options.get_params(ctx)

    def invoke(self, ctx: Any) -> Any:
        """Run the command with what was parsed."""
        return self._with_options.invoke(ctx)


def stage_command(
    name: str, more: Mapping[str, tuple[Any, Any]] | None = None
) -> Callable[[CommandFunction], StageCommand]:
    """Make a command of the pipeline from a function: its docstring is the help, the stage's settings its options.

    `more` are options that are not settings (`options.with_options`).
    """
    return lambda function: StageCommand(name, function, more or {})
