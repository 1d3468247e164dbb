"""`coma build-data`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from coma_cli.commands import options
from coma_cli.commands.execute import execute
from coma_cli.errors import UsageError


class Switch(StrEnum):
    """A setting that is on or off."""

    ON = "on"
    OFF = "off"


SourcesOption = Annotated[
    str | None,
    typer.Option(
        "--sources", metavar="hub|DIR", help="Where the known sources are: the hub, or a folder of their files."
    ),
]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", metavar="NAME=PATH", help="File or folder for one source; repeatable.")
]
RepositoryOption = Annotated[
    list[str] | None,
    typer.Option("--from-repo", metavar="DIR|stdlib", help="Code to mine, in eleven languages; repeatable."),
]


@options.with_shared_options
def build_data(
    shared: options.Shared,
    tasks: Annotated[
        str | None, typer.Option("--tasks", metavar="all|NAME,...", help="Tasks to make rows for (all).")
    ] = None,
    sources: SourcesOption = None,
    source: SourceOption = None,
    source_splits: Annotated[
        str | None,
        typer.Option("--source-splits", metavar="train|any|...", help="Upstream splits to read (train)."),
    ] = None,
    from_repo: RepositoryOption = None,
    stackexchange: Annotated[
        str | None,
        typer.Option("--stackexchange", metavar="POSTS", help="Mine a data dump: Posts.xml, plain, .gz or .7z."),
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", metavar="en,cn", help="Text languages to keep (both).")] = None,
    with_generated: Annotated[
        list[str] | None,
        typer.Option("--with-generated", metavar="RUN|FILE", help="Take in rows of gen-instructions; repeatable."),
    ] = None,
    mix: Annotated[
        str | None, typer.Option("--mix", metavar="NAME", help="Table of sub-datasets: comit, codecapybara (comit).")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="paper|N", help="Rows as the table counts them, or scaled to N in all (all)."),
    ] = None,
    per_task: Annotated[
        int | None, typer.Option("--per-task", min=1, help="At most so many rows of each task (all).")
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option("--export", metavar="FORM,...", help="Also as alpaca, sharegpt, messages, parquet; repeatable."),
    ] = None,
    decontaminate: Annotated[
        Switch | None, typer.Option("--decontaminate", help="Leave out rows that share text with a benchmark (on).")
    ] = None,
    decontaminate_against: Annotated[
        list[str] | None,
        typer.Option("--decontaminate-against", metavar="FILE", help="More problems to keep clear of; repeatable."),
    ] = None,
    licences: Annotated[
        str | None,
        typer.Option("--licences", metavar="permissive|non-commercial-ok|any", help="Licences of rows to keep (any)."),
    ] = None,
    dedup_against: Annotated[
        list[str] | None,
        typer.Option("--dedup-against", metavar="FILE", help="Rows to have no near duplicates of; repeatable."),
    ] = None,
    bench_data: Annotated[
        Path | None, typer.Option("--bench-data", help="MBPP's file, or a folder with it, to keep clear of.")
    ] = None,
    validation_share: Annotated[
        float | None, typer.Option("--validation-share", help="Share of rows for validation (0.05).")
    ] = None,
    skip_broken_sources: Annotated[
        bool, typer.Option("--skip-broken-sources", help="Leave out a source that can't be read, and say so.")
    ] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes (one a core).")] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="ray", help="ray: on the nodes of RAY_ADDRESS.")
    ] = None,
) -> None:
    """Build an instruction data set from code and known sources: cleaned, deduplicated, decontaminated, split.

    For example: coma build-data --from-repo stdlib --tasks all
    """
    flags = {
        "tasks": options.parse_list(tasks),
        "sources": sources,
        "source": _by_name(source),
        "source_splits": options.parse_list(source_splits),
        "from_repo": from_repo or None,
        "stackexchange": stackexchange,
        "lang": options.parse_list(lang),
        "with_generated": with_generated or None,
        "mix": mix,
        "size": int(size) if size is not None and size.isdigit() else size,
        "per_task": per_task,
        "export": options.parse_list(",".join(export)) if export else None,
        "decontaminate": None if decontaminate is None else decontaminate is Switch.ON,
        "decontaminate_against": decontaminate_against or None,
        "cleaning.licences": licences,
        "dedup_against": dedup_against or None,
        "bench_data": None if bench_data is None else str(bench_data),
        "validation_share": validation_share,
        "skip_broken_sources": skip_broken_sources or None,
        "runtime.workers": workers,
        "runtime.cluster": cluster,
    }
    execute("build-data", shared, flags)


def _by_name(assignments: list[str] | None) -> dict[str, str] | None:
    if not assignments:
        return None
    pairs = [assignment.partition("=") for assignment in assignments]
    for name, equals, path in pairs:
        if not (name and equals and path):
            raise UsageError(
                f"--source takes NAME=PATH, not {name + equals + path!r}.", "For example: --source mbpp=mbpp.jsonl"
            )
    return {name: path for name, _, path in pairs}
