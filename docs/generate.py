"""Writes what is made from the code: the command reference, the tables of data and models, those of scoring.md.

python docs/generate.py            write them
python docs/generate.py --check    write nothing; exit with 1 and name the pages that are out of date

Nothing here depends on the terminal, so the pages are the same on every machine.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from coma_cli.catalog.bases import BASES
from coma_cli.catalog.bases.entry import Base
from coma_cli.catalog.bases.published import PUBLISHED_RESULTS
from coma_cli.catalog.benchmarks import BENCHMARKS, Benchmark
from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.sources.source import Source
from coma_cli.cli import app
from coma_cli.publishing.cards import table

FOLDER = Path(__file__).resolve().parent
BEGIN, END = "<!-- Made by docs/generate.py: benchmarks. -->", "<!-- End of what is made. -->"
NOTICE = "<!-- Made by docs/generate.py. Do not edit: run `make docs`. -->"
COMMANDS_INTRO = """# Commands

Every command with its options, as its help prints them (`coma score --help`). Settings that have no option go into a
YAML file (`--config FILE`) or on the command line (`--set a.b=c`); `coma settings score` lists all of a command.

Precedence: default, then `--config`, then `--set`, then options. Exit codes: 0 done, 1 the work failed, 2 wrong usage
or settings, 3 an input is missing, 4 a package is missing, 5 stopped at the budget, 6 below `--fail-under`
or worse than `--fail-if-worse-than`, 130 interrupted.
"""
DATA_INTRO = """# Data sets, benchmarks and base models

What coma reads by name, where it is published, and under which licence. The data card of every `build-data` run repeats
the licences of the rows that are in it. How files are found and which forms are read: [data formats](data-formats.md).
How to add an entry: [extending](extending.md).
"""
BASE_COLUMNS = ("base", "parameters", "licence", "template", "context", "special tokens", "what to know", "paper")

Panels = Mapping[str, Sequence[tuple[str, str]]]


def pages() -> dict[str, str]:
    """The content of every page by its file name."""
    scoring = (FOLDER / "scoring.md").read_text(encoding="utf-8")
    return {
        "commands.md": command_reference(typer.main.get_command(app)),
        "data-sources.md": data_sources(),
        "scoring.md": with_benchmarks(scoring),
    }


def command_reference(root: Any) -> str:
    """One section per command; option groups that several commands share are printed once, at the end."""
    context = root.make_context("coma", [], resilient_parsing=True)
    commands = {name: root.get_command(context, name) for name in root.list_commands(context)}
    panels = {name: panels_of(command, name, context) for name, command in commands.items() if not command.hidden}
    shared = shared_panels(panels.values())
    lines = [COMMANDS_INTRO]
    lines += ["## coma", "", *usage("coma [OPTIONS] COMMAND [ARGS]..."), *panel_lines(panels_of(root, "coma", context))]
    for name, own in panels.items():
        command = commands[name]
        pieces = " ".join(command.collect_usage_pieces(command.make_context(name, [], context, resilient_parsing=True)))
        lines += [f"## coma {name}", "", *paragraphs(command.help or ""), *usage(f"coma {name} {pieces}")]
        lines += panel_lines({title: rows for title, rows in own.items() if shared.get(title) != rows})
        lines += also(title for title, rows in own.items() if shared.get(title) == rows)
    for title, rows in shared.items():
        lines += [f"## {title}", "", *table(("option", "meaning"), rows)]
    return finished(lines)


def panels_of(command: Any, name: str, parent: Any) -> Panels:
    """The arguments and options of a command by the title of their group; help's own option is left to the reader."""
    context = parent if command is parent.command else command.make_context(name, [], parent, resilient_parsing=True)
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        if getattr(parameter, "hidden", False) or "--help" in parameter.opts:
            continue
        is_argument = parameter.param_type_name == "argument"
        title = getattr(parameter, "rich_help_panel", None) or ("Arguments" if is_argument else "Options")
        panels.setdefault(title, []).append((f"`{names_of(parameter)}`", text(parameter.help or "")))
    return panels


def names_of(parameter: Any) -> str:
    """The names of an option, the short ones first, and what its value is; of an argument what it is."""
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper()
    names = ", ".join(sorted(parameter.opts, key=lambda name: name.startswith("--")))
    return names if parameter.is_flag or not parameter.metavar else f"{names} {parameter.metavar}"


def shared_panels(all_panels: Iterable[Panels]) -> Panels:
    """The groups that are the same in at least three commands; of several with one title, that of the most commands."""
    counted: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for panels in all_panels:
        counted.update((title, tuple(rows)) for title, rows in panels.items())
    largest = [(title, list(rows)) for (title, rows), count in counted.most_common() if count >= 3]
    order = dict.fromkeys(title for (title, _), count in counted.items() if count >= 3)
    return {title: next(rows for name, rows in largest if name == title) for title in order}


def also(titles: Iterable[str]) -> list[str]:
    """Where the options are that the command has in common with others."""
    links = [f"[{title}](#{title.lower().replace(' ', '-')})" for title in titles]
    return [f"Also: {', '.join(links)}.", ""] if links else []


def panel_lines(panels: Panels) -> Iterator[str]:
    """A table per group, under its title where there are several."""
    for title, rows in panels.items():
        if len(panels) > 1:
            yield from (f"**{title}**", "")
        yield from table(("argument" if title == "Arguments" else "option", "meaning"), rows)


def fetched_from(source: Source) -> str:
    """Where `--sources hub` fetches a source, in words."""
    places = ", else ".join(location.words() for location in source.locations)
    return f"{places} (only if requested)" if source.on_request else places


def usage(line: str) -> tuple[str, ...]:
    """The usage line; not marked as shell, since it is a pattern and no command."""
    return ("```text", line.strip(), "```", "")


def paragraphs(help_text: str) -> Iterator[str]:
    """A docstring's paragraphs, each on one line."""
    for paragraph in help_text.replace("\b", "").split("\n\n"):
        if paragraph.strip():
            yield from (text(" ".join(paragraph.split())), "")


def data_sources() -> str:
    """The tables of the catalogue."""
    return finished(
        (
            DATA_INTRO,
            "## Sources of training rows",
            "",
            "`--sources hub` fetches those that have a location, from the first one that answers "
            "([more](installation.md#fetching-the-sources)); the data card names the commit that a branch stood for. "
            "All of them are read from files with `--sources DIR` or `--source NAME=PATH`.",
            "",
            *table(("source", "tasks", "licence", "fetched from", "what to know", "citation"), source_rows()),
            "## Benchmarks",
            "",
            "The limits are the CPU time and the memory that a program may use unless `--timeout` and `--memory` say "
            "otherwise; [scoring](scoring.md#limits-and-references) says when they grow.",
            "",
            *table(("benchmark", "problems", "CPU", "memory", "licence", "paper"), benchmark_rows()),
            "## Notes on problems",
            "",
            "Why a verdict on a sample of these problems may differ from a published one.",
            "",
            *table(("problem", "benchmark", "what to know"), problem_rows()),
            "## Base models",
            "",
            "`--base` and `--model` also take any local folder and any model id of the Hugging Face Hub.",
            "",
            *table(BASE_COLUMNS, base_rows()),
            "## Published results",
            "",
            "What CoMA, CodeCapybara and Alpaca-LoRA published on the Hub, to compare with; `commit` is the one that "
            "was seen.",
            "",
            *table(("model", "kind", "base", "commit", "what to know"), result_rows()),
        )
    )


def source_rows() -> list[tuple[str, ...]]:
    """A row for each source of training rows."""
    return escaped(
        (f"[`{s.name}`]({s.url})", ", ".join(s.tasks), s.licence, fetched_from(s), s.notes, s.citation)
        for s in SOURCES.values()
    )


def benchmark_rows() -> list[tuple[str, ...]]:
    """A row for each benchmark, with the limits of its programs."""
    return escaped(
        (f"[`{b.name}`]({b.url})", str(b.size), f"{b.cpu_limit_s:g} s", f"{b.memory_mb} MB", b.licence, b.paper)
        for b in BENCHMARKS.values()
    )


def problem_rows() -> list[tuple[str, ...]]:
    """A row for each problem that has a note."""
    return escaped((f"`{task}`", b.name, note) for b in BENCHMARKS.values() for task, note in b.notes.items())


def base_rows() -> list[tuple[str, ...]]:
    """A row for each base model."""
    return escaped(
        (
            f"[`{b.name}`]({b.url})",
            size(b.architecture.parameters),
            b.licence,
            b.template,
            f"{b.context:,}" if b.context else "",
            tokens_of(b),
            b.notes,
            b.paper,
        )
        for b in BASES.values()
    )


def result_rows() -> list[tuple[str, ...]]:
    """A row for each published model."""
    return escaped(
        (f"[`{r.hub_id}`]({r.url})", r.kind, r.base or "unknown", r.seen_at, r.notes) for r in PUBLISHED_RESULTS
    )


def with_benchmarks(page: str) -> str:
    """A page with the table of benchmarks between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [(f"`{b.name}`", str(b.size), places_of(b)) for b in BENCHMARKS.values()]
    lines = ("", *table(("name", "problems", "where its data comes from"), rows))
    return f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{after}"


def places_of(benchmark: Benchmark) -> str:
    """Where a benchmark is read from, in words."""
    file = f"`--bench-data {benchmark.files[0]}`"
    by_itself = {"package": "built in", "hub": "the Hugging Face Hub", "github": "GitHub"}.get(benchmark.comes_from)
    return f"{by_itself}, or {file}" if by_itself else f"its published file, with {file}"


def tokens_of(base: Base) -> str:
    """The tokens that begin and end a text and fill up a batch."""
    special = base.special_tokens
    named = {"begin": special.begin, "end": special.end, "pad": special.pad} if special else {}
    return ", ".join(f"{role} {token}" for role, token in named.items() if token)


def size(parameters: int) -> str:
    """A number of parameters as people say it."""
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e6:.0f}M"


def escaped(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Rows whose cells after the first are plain text."""
    return [(first, *map(text, others)) for first, *others in rows]


def text(plain: str) -> str:
    """Plain text as Markdown that shows it as it is."""
    return " ".join(plain.split()).replace("<", "\\<").replace("*", "\\*")


def finished(lines: Iterable[str]) -> str:
    """A whole page."""
    return "\n".join((NOTICE, "", *lines)).rstrip("\n") + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check the pages; an exit status."""
    stale = []
    for name, content in pages().items():
        path = FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(content, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"Out of date: {', '.join(stale)}. Run: make docs\n")
        return 1
    sys.stdout.write(f"Written: {', '.join(stale)}\n" if stale else "Up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
