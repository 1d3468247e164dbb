"""`coma compare`: scored runs of one benchmark against the first of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coma_cli.commands.shared import DEFAULT_WORKSPACE, Shared, WorkspaceOption
from coma_cli.errors import UsageError

if TYPE_CHECKING:
    from coma_cli.evaluation.comparing.scored_run import ScoredRun
    from coma_cli.workspace import Workspace


def _runs(context: typer.Context) -> list[str]:
    from coma_cli.workspace import runs_of

    workspace = Path(context.params.get("workspace") or DEFAULT_WORKSPACE)
    return list(runs_of("score", "sample")(workspace))


RunsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUNS",
        help="Two or more score runs (name or folder), sample runs, or files of samples, which are scored first; "
        "each is compared with the first one",
        autocompletion=_runs,
    ),
]
BenchOption = Annotated[
    str | None, typer.Option("--bench", metavar="NAME|FILE|DIR", help="Benchmark, for files of samples")
]
BenchDataOption = Annotated[
    Path | None,
    typer.Option("--bench-data", metavar="FILE|DIR", help="Published file of the benchmark, for files of samples"),
]
KOption = Annotated[
    str | None,
    typer.Option("-k", "--k", metavar="K,...", help="The k of pass@k  [default: those that all runs were scored for]"),
]
MarginOption = Annotated[
    float,
    typer.Option(
        "--margin",
        metavar="POINTS",
        show_default=False,
        help="Percentage points that count as no difference, for the test of equivalence; choose it before you look  "
        "[default: 5]",
    ),
]
AnywayOption = Annotated[
    bool,
    typer.Option("--anyway", help="Compare runs that differ in protocol, prompts, benchmark version or problems too"),
]
SeedOption = Annotated[
    int,
    typer.Option("--seed", min=0, metavar="INT", show_default=False, help="Seed of the resampling  [default: 0]"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, with all problems that were won and lost")
]


def compare(
    runs: RunsArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    bench: BenchOption = None,
    bench_data: BenchDataOption = None,
    k: KOption = None,
    margin: MarginOption = 5.0,
    anyway: AnywayOption = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Compare scored runs of one benchmark: is a difference in pass@k shown, or could it be chance?

    Both answer the same problems, so everything is paired: an interval of the difference, a test, whether the runs are
    equivalent within a margin, the problems won and lost, and how many problems or samples would show the difference.
    Runs that differ in more than the model are refused.

    Example: coma compare base.jsonl tuned.jsonl --bench humaneval
    """
    from coma_cli.console import print_json
    from coma_cli.evaluation.comparing import report
    from coma_cli.evaluation.comparing.compare import CompareOptions
    from coma_cli.evaluation.comparing.compare import compare as compare_runs
    from coma_cli.evaluation.comparing.difference import ComparisonRules
    from coma_cli.workspace import Workspace

    if len(runs) < 2:
        raise UsageError("Two or more runs are compared, not one.", "coma compare RUN RUN")
    if not 0 < margin <= 100:
        raise UsageError(f"--margin is {margin:g}; it takes percentage points above 0, at most 100.", "--margin 5")
    options = CompareOptions(_ks(k), ComparisonRules(margin / 100, seed), anyway)
    summary = compare_runs(_scored(Workspace(workspace), runs, bench, bench_data), options)
    if json:
        print_json(summary.model_dump(mode="json"))
    else:
        report.show(summary)


def _scored(workspace: "Workspace", names: list[str], bench: str | None, bench_data: Path | None) -> "list[ScoredRun]":
    """The score runs; all names are looked up before anything is scored."""
    from coma_cli.commands.execute import finished_run
    from coma_cli.evaluation.comparing.choosing import ToScore, choose
    from coma_cli.evaluation.comparing.scored_run import scored_run

    found = []
    for name, chosen in [(name, choose(workspace, name)) for name in names]:
        if isinstance(chosen, ToScore):
            flags = {"samples": [chosen.samples], "bench": bench, "bench_data": bench_data}
            found.append(scored_run(finished_run("score", Shared(workspace=workspace.root), flags), name))
        else:
            found.append(scored_run(chosen, name))
            _require_bench(found[-1], bench)
    return found


def _require_bench(run: "ScoredRun", bench: str | None) -> None:
    """A run that was scored already is of one benchmark.

    Raises:
        UsageError: it is of another one than `bench`.
    """
    from coma_cli.catalog import canonical
    from coma_cli.catalog.benchmarks import SAMPLED
    from coma_cli.catalog.benchmarks.own_names import with_own_file

    named = None if bench is None else canonical(with_own_file({"bench": bench}, SAMPLED)["bench"], SAMPLED)
    if named not in (None, run.bench):
        raise UsageError(f"{run.label} is a run of {run.bench}, not of {named}.", "Omit --bench.")


def _ks(text: str | None) -> tuple[int, ...]:
    """The numbers of a list.

    Raises:
        UsageError: it is not one of whole numbers from 1.
    """
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < len(part) < 7 and int(part) > 0 for part in parts):
        raise UsageError(f"-k takes whole numbers from 1, not {text!r}.", "-k 1,10")
    return tuple(sorted({int(part) for part in parts}))
