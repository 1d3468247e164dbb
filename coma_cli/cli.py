"""The `coma` executable: the commands in the order of the pipeline, and the one place where errors become messages."""

import io
import logging
import os
import sys
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from coma_cli import INTERRUPTED, __version__
from coma_cli.commands.clean import clean
from coma_cli.commands.compare import compare
from coma_cli.commands.doctor import doctor
from coma_cli.commands.help_pages import PlainCommand, PlainGroup
from coma_cli.commands.run import run
from coma_cli.commands.settings import settings
from coma_cli.commands.stage_command import StageCommand
from coma_cli.commands.status import status
from coma_cli.errors import (
    INTERRUPTED_EXIT_CODE,
    CliError,
    InterruptedByUserError,
    UsageError,
    machine_error,
    nearest,
    package_blocker,
)
from coma_cli.pipeline import PIPELINE

# OpenMP threads that spin at a barrier stall for whole time slices when other work shares the cores: with two threads
# on two busy cores small matrix products took 15.6 ms instead of 0.6 ms. It must be set before torch is loaded.
PASSIVE_WAITING = ("OMP_WAIT_POLICY", "PASSIVE")
HELP_WIDTH = 120  # columns at most; narrower terminals wrap earlier
_ClickUsageError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")


def _stage_commands() -> dict[str, StageCommand]:
    """The commands of the pipeline by name, each from the module of its name in `commands`."""
    words = {row.command: row.command.replace("-", "_") for row in PIPELINE}
    return {name: resolve_name(f"coma_cli.commands.{word}:{word}") for name, word in words.items()}


class _Commands(PlainGroup):
    """The commands of the pipeline, then those that look over a whole workspace."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {**_stage_commands(), **self.commands}


app = typer.Typer(
    name="coma",
    cls=_Commands,
    help="From code and instruction data to a tuned code model and a benchmark number that can be defended.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)
app.command("run", cls=PlainCommand)(run)
app.command("compare", cls=PlainCommand)(compare)
app.command("status", cls=PlainCommand)(status)
app.command("clean", cls=PlainCommand)(clean)
app.command("doctor", cls=PlainCommand)(doctor)
app.command("settings", cls=PlainCommand)(settings)


def command_tree() -> Any:
    """The whole command line as a Click group: `commands` by name, each with its parameters and help."""
    return get_command(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show coma's log messages.")] = False,
) -> None:
    """Options before the command."""
    _configure_logging(verbose)


def _configure_logging(verbose: bool) -> None:
    """Send log records to stderr; those of libraries only from warnings on."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it remarks on a home that can't be written to
    logging.getLogger("coma_cli").setLevel(logging.INFO if verbose else logging.WARNING)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; every expected error is one message and one hint."""
    os.environ.setdefault(*PASSIVE_WAITING)
    _settle_streams()
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _settle_streams() -> None:
    """Output that nobody reads is discarded, and text that a terminal cannot show is escaped.

    A closed descriptor 1 or 2 would be given to the next file that is opened, which then gets whatever is printed.
    """
    for descriptor, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this one
            mode = "r" if descriptor == 0 else "w"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: list[str]) -> int:
    """The exit code of one call."""
    try:
        _require_utf8(arguments)
        code = app(args=arguments, standalone_mode=False, prog_name="coma")
        if code == INTERRUPTED_EXIT_CODE:  # typer makes this of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except CliError as error:
        return _failed(error)
    except _ClickUsageError as error:
        return _misused(error, arguments)
    except (KeyboardInterrupt, typer.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # typer takes it for Ctrl-D; nothing here asks anybody
            raise error.__cause__ from None
        return _failed(InterruptedByUserError(*INTERRUPTED))
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except Exception as error:
        explained = _explained(error)
        if explained is None:
            raise
        return _failed(explained)


def _failed(error: CliError) -> int:
    """Show an error; its exit code."""
    from coma_cli.console import show_error

    show_error(error)
    return error.exit_code


def _misused(error: Exception, arguments: list[str]) -> int:
    """Show what is wrong with a command line, or the help of one that has no arguments; the exit code of wrong use."""
    message = str(getattr(error, "format_message", lambda: error)())
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message)
        return UsageError.exit_code
    return _failed(UsageError(message, _help_for(message, arguments)))


def _help_for(message: str, arguments: list[str]) -> str:
    """The help page to look at, of the nearest known command if there is none of that name."""
    known = command_tree().commands
    command = next((word for word in arguments if not word.startswith("-")), "")
    if command in known:
        return f"coma {command} --help"
    guess = nearest(command, known) if "Did you mean" in message else None
    return f"coma {guess} --help" if guess else "coma --help"


def _explained(error: Exception) -> CliError | None:
    """The error to show for what the machine or the installation is to blame for; None for a bug."""
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("coma_cli"):
        return package_blocker(error, str(error.name), "This command")
    return machine_error(error)


def _require_utf8(arguments: list[str]) -> None:
    """Names that are not text could not be written into settings and manifests, which are UTF-8.

    Raises:
        UsageError: an argument, or the variable for the workspace, is not UTF-8.
    """
    for text in (*arguments, os.environ.get("COMA_WORKSPACE", "")):
        if not any("\udc80" <= character <= "\udcff" for character in text):  # how Python hands on undecodable bytes
            continue
        if sys.getfilesystemencoding() != "utf-8":
            raise UsageError(f"Python reads arguments as {sys.getfilesystemencoding()} here.", "export PYTHONUTF8=1")
        raise UsageError(f"{text!r} is not UTF-8 text.", "Rename it, or give another path.")


def _silence_stdout() -> None:
    """The reader of our output is gone; keep the interpreter from complaining about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
