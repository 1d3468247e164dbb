"""User-facing output: progress, notes and errors on stderr, results on stdout, one JSON object with `--json`.

Texts may come from files of anybody: what a terminal would act on is written as an escape.
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from coma_cli.errors import CliError
from coma_cli.words import printable, size_of, time_of

PLAIN_LINE_EVERY_S = 10.0
# Control characters, and those that reorder text, which JSON leaves as they are.
_LEFT_BY_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


_silenced = False


def silence() -> None:
    """Print nothing but errors from now on: of several processes that do the same, one speaks for all."""
    global _silenced  # of the process, like its streams
    _silenced = True


def stderr() -> Console:
    """The console for everything except results."""
    return Console(stderr=True, highlight=False, soft_wrap=True, quiet=_silenced)


def stdout() -> Console:
    """The console for results."""
    return Console(highlight=False)


def note(message: str) -> None:
    """Print one line about the current step."""
    stderr().print(printable(message), markup=False)


def warn(message: str) -> None:
    """Print one line that the user should know before trusting the result."""
    stderr().print(Text.assemble(("Warning: ", "yellow"), printable(message)))


def show_error(error: CliError) -> None:
    """One message and one hint."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), printable(error.message)))
    if error.hint:
        console.print(Text.assemble(("Hint: ", "bold"), printable(error.hint)))


def print_line(line: str) -> None:
    """Print one line of a result to stdout."""
    stdout().print(printable(line), markup=False)


def print_command(line: str, *, why: str) -> None:
    """Print a line to copy and type, never wrapped, below a comment that says why."""
    indent = line[: len(line) - len(line.lstrip())]
    stdout().print(printable(f"{indent}# {why}\n{line}"), markup=False, soft_wrap=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Print exactly one JSON object to stdout, with non-ASCII text unescaped if stdout can encode it."""
    plain = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        plain.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        plain = json.dumps(value, indent=2, allow_nan=False)
    sys.stdout.write(_LEFT_BY_JSON.sub(lambda hit: f"\\u{ord(hit[0]):04x}", plain) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a result table to stdout; columns of numbers after the first are right-aligned."""
    table = Table(title=Text(printable(title), style="table.title"), title_justify="left")
    for number, column in enumerate(columns):
        numbers = number > 0 and all(row[number][:1].isdigit() or not row[number] for row in rows)
        table.add_column(Text(printable(column)), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    stdout().print(table)


def print_values(title: str, values: Mapping[str, Any]) -> None:
    """Names and values, one per line, underscores as spaces; nested mappings are written with dots."""
    heading = Text(printable(title), style="table.title")
    table = Table(title=heading, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a truncated path is useless
    for name, value in flatten(values):
        table.add_row(Text(printable(name.replace("_", " ")), style="bold"), Text(printable(_plain(value))))
    stdout().print(table)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of dotted name and value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value) or "-"
    return "-" if value is None or value == {} else str(value)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Units per second over the last seconds."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="cyan")


class Ticker:
    """Shows the progress of a long loop; created by `progress`."""

    def __init__(
        self, label: str, total: int, bar: Progress | None, *, sizes: bool = False, every: int | None = None
    ) -> None:
        self._label, self._total, self._bar, self._sizes, self._every = label, total, bar, sizes, every
        self._task = bar.add_task(label, total=total, live="") if bar else None
        self._done, self._told = 0, 0
        self._live = ""
        self._began = self._last = time.monotonic()

    def advance(self, units: int = 1, live: str = "") -> None:
        """Count that many more units as done; `live` is the latest figures, which are shown beside the count."""
        self._done += units
        self._live = live
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=units, live=printable(live))
        elif self._is_due():
            self._line()

    def _is_due(self) -> bool:
        if self._every is not None:
            return self._done - self._told >= self._every
        return time.monotonic() - self._last > PLAIN_LINE_EVERY_S

    def _line(self) -> None:
        self._last, self._told = time.monotonic(), self._done
        seconds = time.monotonic() - self._began
        rate = self._done / seconds if seconds > 0 else 0.0
        left = f", {time_of(max(0, self._total - self._done) / rate)} left" if rate and self._total else ""
        if self._sizes:
            total = f" of {size_of(self._total)}" if self._total else ""
            note(f"{self._label}: {size_of(self._done)}{total}, {size_of(rate)}/s{left}")
        else:
            live = f", {self._live}" if self._live else ""
            note(f"{self._label}: {self._done}/{self._total}{live}, {rate:.1f}/s{left}")

    def close(self) -> None:
        """Print the final count if there is no bar to show it."""
        if not self._bar and self._done > self._told:
            self._line()


@contextmanager
def progress(
    label: str, total: int, done: int = 0, *, sizes: bool = False, every: int | None = None
) -> Iterator[Ticker]:
    """A progress bar with rate and time left; plain lines if stderr is not a terminal.

    `done` units from an earlier start count as done but not towards the rate. With `sizes`, units are bytes and shown
    as sizes; their total may be unknown (0). Plain lines come `every` so many units, by default every ten seconds.
    """
    console = stderr()
    if done:
        counts = (size_of(done), size_of(total)) if sizes else (done, total)
        note(f"{label}: {counts[0]} of {counts[1]} are there already")
    if not console.is_terminal or total <= done:  # no bar for nothing
        ticker = Ticker(label, max(0, total - done), None, sizes=sizes, every=every)
        yield ticker
        ticker.close()
        return
    counted = (DownloadColumn(), TransferSpeedColumn()) if sizes else (MofNCompleteColumn(), _Rate())
    live = TextColumn("{task.fields[live]}", markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), *counted, TimeRemainingColumn(), live)
    with Progress(*columns, console=console) as bar:
        yield Ticker(label, max(0, total - done), bar, sizes=sizes)
