"""The `coma` executable: six commands in the order of the pipeline, and the one place where errors become messages."""

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer

from coma_cli import INTERRUPTED, __version__
from coma_cli.commands.build_data import build_data
from coma_cli.commands.finetune import finetune
from coma_cli.commands.gen_instructions import gen_instructions
from coma_cli.commands.merge_lora import merge_lora
from coma_cli.commands.sample import sample
from coma_cli.commands.score import score
from coma_cli.errors import (
    INTERRUPTED_EXIT_CODE,
    CliError,
    UsageError,
    is_disk_full,
    is_out_of_memory,
    nearest,
    package_blocker,
)

USAGE_EXIT_CODE = 2
# OpenMP threads that spin at a barrier stall for whole time slices when other work shares the cores: with two threads
# on two busy cores small matrix products took 15.6 ms instead of 0.6 ms. It must be set before torch is loaded.
PASSIVE_WAITING = ("OMP_WAIT_POLICY", "PASSIVE")
# What a path can be refused for that is no fault of ours, and what to do about it.
_REFUSALS = {
    errno.EACCES: "Change its permissions, or choose another path or --workspace.",
    errno.EPERM: "Change its permissions, or choose another path or --workspace.",
    errno.EROFS: "It lies on a read-only file system: choose another path or --workspace.",
    errno.ENOTDIR: "A file is where a folder should be: move it away, or choose another path.",
    errno.EISDIR: "A folder is where a file should be: move it away, or choose another path.",
    errno.EEXIST: "A file is where a folder should be: move it away, or choose another path.",
    errno.ENAMETOOLONG: "Choose a shorter path or --name.",
    errno.ELOOP: "Its links lead in a circle: choose another path.",
    errno.EIO: "The disk or its network failed: check it, then the same command goes on.",
    errno.ESTALE: "The disk or its network failed: check it, then the same command goes on.",
}
_ClickUsageError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")

app = typer.Typer(
    name="coma",
    help="From code and instruction data to a tuned code model and a benchmark number that can be defended.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "build-data": build_data,
    "gen-instructions": gen_instructions,
    "finetune": finetune,
    "merge-lora": merge_lora,
    "sample": sample,
    "score": score,
}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what coma's modules log.")] = False,
) -> None:
    """Options before the command."""
    from coma_cli.console import configure_logging

    configure_logging(verbose)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; every expected error is one message and one hint."""
    os.environ.setdefault(*PASSIVE_WAITING)
    _settle_streams()
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _settle_streams() -> None:
    """Output that nobody wants goes nowhere, and text that a terminal can't show is spelled out.

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
    from coma_cli.console import show_error

    try:
        _require_utf8(arguments)
        code = app(args=arguments, standalone_mode=False, prog_name="coma")
        if code == INTERRUPTED_EXIT_CODE:  # typer makes this of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except CliError as error:
        show_error(error.message, error.hint)
        return error.exit_code
    except _ClickUsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed by now
            return USAGE_EXIT_CODE
        show_error(*_explain_usage(error, arguments))
        return USAGE_EXIT_CODE
    except (KeyboardInterrupt, typer.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # typer takes it for Ctrl-D; nothing here asks anybody
            raise error.__cause__ from None
        show_error(*INTERRUPTED)
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except Exception as error:
        return _explained(error)


def _explained(error: Exception) -> int:
    """The exit code of what the machine or the installation is to blame for; a bug is raised again."""
    from coma_cli.console import show_error

    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("coma_cli"):
        missing = package_blocker(error, str(error.name), "This command")
        show_error(missing.message, missing.hint)
        return missing.exit_code
    explained = _explain_machine(error)
    if explained is None:
        raise error
    show_error(*explained)
    return 1


def _require_utf8(arguments: list[str]) -> None:
    """Names that are no text could not be written into settings and manifests, which are UTF-8.

    Raises:
        UsageError: an argument, or the variable for the workspace, is not UTF-8.
    """
    for text in (*arguments, os.environ.get("COMA_WORKSPACE", "")):
        if not any("\udc80" <= sign <= "\udcff" for sign in text):  # how Python hands on bytes that it can't decode
            continue
        if sys.getfilesystemencoding() != "utf-8":
            raise UsageError(f"This Python takes names for {sys.getfilesystemencoding()}.", "export PYTHONUTF8=1")
        raise UsageError(f"{text!r} is not UTF-8 text.", "Rename it, or give another path.")


def _explain_machine(error: Exception) -> tuple[str, str] | None:
    """Message and hint for what the machine refuses; None for what only a bug can have caused."""
    if is_out_of_memory(error):
        return (
            "The memory of this machine is full; what was made so far is kept.",
            "End other programs, or work on less.",
        )
    if is_disk_full(error):
        return _explain_full_disk(error)
    return _explain_file(error) if isinstance(error, OSError) else None


def _explain_full_disk(error: Exception) -> tuple[str, str]:
    """Message and hint for a file that had no room; quotas and size limits by name."""
    number, name = getattr(error, "errno", None), getattr(error, "filename", None)
    where = f" writing {name}" if name else ""
    limit = f" ({os.strerror(number).lower()})" if number in (errno.EDQUOT, errno.EFBIG) else ""
    return (
        f"No space left{where}{limit}; what was written whole is kept.",
        "Free some space, or choose another --workspace; then the same command goes on.",
    )


def _explain_file(error: OSError) -> tuple[str, str] | None:
    """Message and hint for what a file system refuses."""
    if "No usable temporary directory" in str(error):
        return "No folder for temporary files can be written to.", "export TMPDIR=FOLDER, one that can."
    if error.filename is None or error.errno not in _REFUSALS:
        return None
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename} can't be read or written: {reason}.", _REFUSALS[error.errno]


def _explain_usage(error: Exception, arguments: list[str]) -> tuple[str, str]:
    """Message and hint for a command line that does not parse, with the nearest known command."""
    message = str(getattr(error, "format_message", lambda: error)())
    command = next((word for word in arguments if not word.startswith("-")), "")
    if command in COMMANDS:
        return message, f"coma {command} --help"
    guess = nearest(command, COMMANDS) if "Did you mean" in message else None
    return message, f"coma {guess} --help" if guess else "coma --help"


def _silence_stdout() -> None:
    """Whoever read our output is gone; keep the interpreter from complaining about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
