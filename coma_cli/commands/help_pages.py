"""The layout of help: plain text that wraps at any width without being cut.

typer's own layout draws boxes whose columns are cut in a narrow terminal, shows a type for switches, which take no
value, and needs rich, which takes longer to import than everything else that `coma --help` does.
"""

import inspect
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from coma_cli.flags import OPTIONS, SHARED

_WIDEST_NAMES = 30  # a longer name has a line to itself


class PlainCommand(TyperCommand):
    """A command whose options are listed by their panels, those that all commands share last."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the command's name in its usage line."""
        return ["[OPTIONS]", *(_names(p) for p in self.get_params(ctx) if p.param_type_name == "argument")]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command does."""
        write_paragraphs(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options and arguments."""
        write_options(self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what to read next."""
        write_paragraphs(self.epilog, formatter)


class PlainGroup(TyperGroup):
    """A group of such commands, each listed with the first paragraph of its help."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the program does."""
        write_paragraphs(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, paragraphs(command.help)[0]) for name, command in commands if command and not command.hidden]
        with formatter.section("Commands"):
            write_rows(rows, formatter)
        write_options(self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what to read next."""
        write_paragraphs(self.epilog, formatter)


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a help text, each in one line."""
    return [" ".join(part.split()) for part in inspect.cleandoc(text or "").split("\n\n")]


def write_paragraphs(text: str | None, formatter: Any) -> None:
    """Write a text below what is there, wrapped; names with hyphens are not broken."""
    if not text:
        return
    with formatter.indentation():
        indent = " " * formatter.current_indent
        for paragraph in paragraphs(text):
            formatter.write_paragraph()
            lines = _wrapped(paragraph, formatter.width - len(indent))
            formatter.write("".join(f"{indent}{line}\n" for line in lines))


def write_options(parameters: Iterable[Any], formatter: Any) -> None:
    """Write the parameters of a command, each under the title of its panel."""
    shown = [parameter for parameter in parameters if not parameter.hidden]
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in shown:
        panels.setdefault(_panel(parameter), []).append((_names(parameter), parameter.help or ""))
    if SHARED in panels:
        panels[SHARED] = [*panels.pop(SHARED), *panels.pop(OPTIONS, [])]
    for title, rows in panels.items():
        with formatter.section(title):
            write_rows(rows, formatter)


def write_rows(rows: Sequence[tuple[str, str]], formatter: Any) -> None:
    """Write names and what they mean in two columns; long names have a line to themselves."""
    indent = " " * formatter.current_indent
    left = min(_WIDEST_NAMES, max(len(name) for name, _ in rows)) + 2
    for name, meaning in rows:
        lines = _wrapped(meaning.removesuffix("."), formatter.width - left - len(indent))
        if len(name) > left - 2:
            formatter.write(f"{indent}{name}\n")
            name = ""
        for line in lines:
            formatter.write(f"{indent}{name:<{left}}{line}".rstrip() + "\n")
            name = ""


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


def _panel(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or OPTIONS  # older typers leave the option for help to click


def _names(parameter: Any) -> str:
    """The names of an option, the short ones first, and what its value is."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    names = ", ".join(sorted(parameter.opts, key=lambda name: name.startswith("--")))
    return names if parameter.is_flag or not parameter.metavar else f"{names} {parameter.metavar}"
