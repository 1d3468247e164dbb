"""`coma score`."""

from typing import Annotated

import typer

from coma_cli.commands import options
from coma_cli.commands.execute import execute

_LIMITS = "Limits"


@options.with_shared_options
def score(
    shared: options.Shared,
    bench: Annotated[
        str | None,
        typer.Option(
            "--bench", help="humaneval, mbpp, mbpp-sanitized, humaneval+ or mbpp+; default: the newest samples'."
        ),
    ] = None,
    k: Annotated[str | None, typer.Option("-k", "--k", metavar="K,...", help="The k of pass@k, as 1,10,100.")] = None,
    samples: Annotated[
        list[str] | None,
        typer.Option("--samples", metavar="RUN|FILE", help="A sample run, or files of samples; repeatable."),
    ] = None,
    bench_data: Annotated[
        str | None, typer.Option("--bench-data", metavar="FILE", help="The benchmark's published file.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", metavar="NAME,...", help="How programs are taken from completions.")
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option("--fail-under", metavar="pass@K=X", help="Exit with 6 if below; repeatable.")
    ] = None,
    explain: Annotated[
        bool | None,
        typer.Option("--explain", help="Say why samples fail, and what other protocols would have given."),
    ] = None,
    plot: Annotated[bool | None, typer.Option("--plot", help="Draw pass@k against k (pass_at_k.png).")] = None,
    check_references: Annotated[
        bool | None, typer.Option("--check-references", help="Only run the benchmark's own solutions.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="CPU seconds a program.", rich_help_panel=_LIMITS)
    ] = None,
    memory: Annotated[
        int | None, typer.Option("--memory", help="Megabytes a program (1024).", rich_help_panel=_LIMITS)
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Programs at once (the cores).", rich_help_panel=_LIMITS)
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="ray: on the nodes of RAY_ADDRESS.", rich_help_panel=_LIMITS)
    ] = None,
    isolation: Annotated[
        str | None, typer.Option("--isolation", help="auto, ns, landlock or none.", rich_help_panel=_LIMITS)
    ] = None,
    i_know: Annotated[
        bool | None, typer.Option("--i-know", help="Consent to --isolation none.", rich_help_panel=_LIMITS)
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="split (tests in another process) or inproc.", rich_help_panel=_LIMITS),
    ] = None,
    allow_fork: Annotated[
        bool | None, typer.Option("--allow-fork", help="Programs may start processes.", rich_help_panel=_LIMITS)
    ] = None,
    python: Annotated[
        str | None, typer.Option("--python", help="The programs' interpreter, 3.10 or newer.", rich_help_panel=_LIMITS)
    ] = None,
    no_share: Annotated[
        bool, typer.Option("--no-share", help="Run equal programs each for itself.", rich_help_panel=_LIMITS)
    ] = False,
) -> None:
    """Run sampled programs against a benchmark's tests in a sandbox, and print pass@k with its interval."""
    flags = {
        "bench": bench,
        "k": options.parse_list(k),
        "samples": samples or None,
        "bench_data": bench_data,
        "protocol": options.parse_list(protocol),
        "explain": explain,
        "plot": plot,
        "check_references": check_references,
        "timeout_s": timeout,
        "memory_mb": memory,
        "isolation": isolation,
        "mode": mode,
        "allow_fork": allow_fork,
        "python": python,
        "share": False if no_share else None,
        "runtime.workers": workers,
        "runtime.fail_under": fail_under or None,
        "runtime.i_know": i_know,
        "runtime.cluster": cluster,
        "runtime.go_on": shared.force or None,
    }
    execute("score", shared, flags)
