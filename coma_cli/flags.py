"""What the annotation of a setting may hold beside its type: its command-line form, and words for help pages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

# Names that a shell may complete a value to; the argument is the workspace in use.
Completer = Callable[[Path], Iterable[str]]

OPTIONS = "Options"
SHARED = "Shared options"


@dataclass(frozen=True)
class Kind:
    """What a value is (`NAME`, `RUN|FILE`, `T,...`), where the field's type does not tell."""

    text: str


@dataclass(frozen=True)
class Unset:
    """What happens while the setting is None or empty, in a few words: the default that a person sees."""

    text: str


class Flag:
    """A command-line option for a setting; its type, default and meaning are those of the field.

    A setting that is a list takes several values: with commas between them (`split`), by giving the option several
    times (`repeat`), or both. An option with `sets` takes no value and stands for that one; so does the option of a
    setting that is off by default, which turns it on. `help` replaces the field's meaning where one value is meant.
    """

    def __init__(
        self,
        *names: str,
        panel: str = OPTIONS,
        split: bool = False,
        repeat: bool = False,
        sets: object = None,
        help: str | None = None,  # noqa: A002  # as typer calls it
        hidden: bool = False,
        complete: Completer | None = None,
    ) -> None:
        self.names = names
        self.panel = panel
        self.split = split
        self.repeat = repeat
        self.sets = sets
        self.help = help
        self.hidden = hidden
        self.complete = complete

    @property
    def long_name(self) -> str:
        """The first name with two dashes, for messages."""
        return next(name for name in self.names if name.startswith("--"))
