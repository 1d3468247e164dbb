"""What a run would read, request and cost: seed functions, benchmarks, price, and blockers."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.decontamination.available import (
    NO_BENCHMARKS,
    Available,
    BenchmarkPlaces,
    available_benchmarks,
)
from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.openai_engine import address, check_access, has_key
from coma_cli.engines.openai_models import today, why_shut_down
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.instructions.budget import FREE, Price
from coma_cli.instructions.code_functions import first_request, program_request
from coma_cli.instructions.pending import Requests, choose_requests, find_requests, requests_in
from coma_cli.instructions.pending_requests import generation_request
from coma_cli.instructions.proving.estimate import further_requests
from coma_cli.instructions.proving.levels import level_to_keep, rank
from coma_cli.instructions.proving.prover import why_nothing_runs
from coma_cli.instructions.seed_choice import SeedChooser, SeedTally
from coma_cli.instructions.seed_repositories import seed_repository
from coma_cli.instructions.seeds import Seed, SeedCode, find_seed_code
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.task_wordings import MOST_REQUESTS, WantedWordings, wanted_wordings, wordings_request
from coma_cli.instructions.writers import LocalWriter, find_writer, writer_blockers
from coma_cli.models.prices import AS_OF, BATCH_SHARE, remote_model
from coma_cli.records import PendingRequest
from coma_cli.words import count_of
from coma_cli.workspace import Input, Plan, Workspace

# Typical answers, for the estimate only; a real run reserves upper bounds.
EXPECTED_INSTRUCTION_TOKENS = 110
EXPECTED_PROGRAM_TOKENS = 380
EXPECTED_SECONDS_PER_CALL = 6.0
_NAMED_LINES = 3


@dataclass(frozen=True)
class GenPlan(Plan):
    """The plan of one run, with everything resolved."""

    seeds: tuple[Seed, ...] = ()
    requests: tuple[PendingRequest, ...] = ()
    price: Price | None = None
    benchmarks: tuple[LoadedBenchmark, ...] = ()
    corrupt_seed_lines: int = 0
    writer: LocalWriter | None = None
    chooser: SeedChooser | None = None
    wordings: tuple[WantedWordings, ...] = ()
    workspace: Workspace = field(kw_only=True)


def make_plan(settings: GenSettings, workspace: Workspace) -> GenPlan:
    """Resolve everything that a run needs.

    Raises:
        MissingInputError: there are no code functions. UsageError: settings that can't work.
    """
    source = _source(settings, workspace)
    chooser = SeedChooser(
        source,
        run_seed=settings.seed,
        max_chars=settings.max_code_chars,
        licence=settings.licence,
        languages=settings.languages,
        per_language=settings.num_per_language,
        near=settings.near,
    )
    seeds = chooser.first(settings.in_whole_requests(min(settings.most_items, settings.num_kept or sys.maxsize)))
    tally = chooser.tally
    if not seeds:
        raise MissingInputError(
            f"{source.input.path} has no usable code function{_skipped(tally)}.", "Check --seed-code."
        )
    price = price_of(settings)
    writer = find_writer(settings, workspace)
    benchmarks, absent = _benchmarks(settings)
    return GenPlan(
        subject=_subject(settings, writer),
        inputs=(source.input, *_shared_inputs(writer, benchmarks)),
        total=_calls(len(seeds), settings),
        estimate=_estimate(seeds, settings, price),
        blockers=tuple(_blockers(settings, price, writer)),
        notes=tuple(_notes(settings, source, seeds, tally, price, absent)),
        seeds=tuple(seeds),
        price=price,
        benchmarks=benchmarks,
        corrupt_seed_lines=len(tally.corrupt),
        writer=writer,
        chooser=chooser,
        workspace=workspace,
    )


def pending_plan(settings: GenSettings, workspace: Workspace) -> GenPlan:
    """As `make_plan`, for requests of rows that upstream lacks: one call each.

    Raises:
        MissingInputError: there are no requests. UsageError: settings that can't work.
    """
    requests = choose_requests(
        str(settings.pending),
        workspace,
        num=settings.most_items,
        max_chars=settings.max_code_chars,
        languages=settings.languages,
    )
    price = price_of(settings)
    writer = find_writer(settings, workspace)
    benchmarks, absent = _benchmarks(settings)
    left = requests.there - len(requests.chosen)
    notes = [f"{len(requests.chosen)} of {count_of(requests.there, 'request')} from {requests.input.path}"]
    if left:
        notes.append(
            f"{count_of(left, 'request is', 'requests are')} left for later: --num {requests.there} requests all"
        )
    if requests.too_long:
        notes.append(f"{count_of(requests.too_long, 'request is', 'requests are')} longer than max_code_chars")
    return GenPlan(
        subject=f"pending-{_subject(settings, writer)}",
        inputs=(requests.input, *_shared_inputs(writer, benchmarks)),
        total=len(requests.chosen),
        estimate=_pending_estimate(requests, settings, price),
        blockers=tuple(_blockers(settings, price, writer)),
        notes=(*notes, *_common_notes(settings, price, absent)),
        requests=requests.chosen,
        price=price,
        benchmarks=benchmarks,
        writer=writer,
        workspace=workspace,
    )


def wordings_plan(settings: GenSettings, workspace: Workspace) -> GenPlan:
    """As `make_plan`, for further wordings of tasks' instructions: a call for each table of them, if all can be used.

    Raises:
        MissingInputError: there is no file of requests. UsageError: there is no task of a name.
    """
    tasks, inputs = settings.tasks or tuple(TASKS), []
    if settings.pending is not None:
        path, origin = find_requests(settings.pending, workspace)
        inputs.append(origin)
        requested = {request.task for request in requests_in(path)}
        tasks = settings.tasks or tuple(name for name in TASKS if name in requested)
    wanted = wanted_wordings(tasks, settings.text_language)
    price = price_of(settings)
    writer = find_writer(settings, workspace)
    count = settings.wordings or 0
    return GenPlan(
        subject=f"wordings-{_subject(settings, writer)}",
        inputs=(*inputs, *_shared_inputs(writer, ())),
        total=len(wanted),
        estimate=_wordings_estimate(wanted, settings, price),
        blockers=tuple(_blockers(settings, price, writer)),
        notes=(
            f"{count_of(count, 'wording')} for each of {count_of(len(wanted), 'table')} of "
            f"{count_of(len(tasks), 'task')}",
            *_common_notes(settings, price, ()),
        ),
        price=price,
        writer=writer,
        wordings=wanted,
        workspace=workspace,
    )


def _wordings_estimate(wanted: Sequence[WantedWordings], settings: GenSettings, price: Price | None) -> dict[str, Any]:
    """Calls, tokens, dollars and time, if the first answers are enough; at most, if all are requested thrice."""
    counter = TokenCounter.of(settings.model)
    count = settings.wordings or 0
    asked = [wordings_request(w, w.table[w.text_language], count, 0, settings) for w in wanted]
    read = sum(counter.about(r.system) + counter.about(r.instruction) for r in asked)
    each = [sum(map(counter.about, w.table[w.text_language])) // len(w.table[w.text_language]) for w in wanted]
    written = sum(count * (tokens + 1) for tokens in each)
    longest = sum(request.decoding.max_new_tokens for request in asked)
    # Those that were kept are shown too; 8 bytes per token is a generous bound.
    most_read = MOST_REQUESTS * (sum(counter.at_most([r.system, r.instruction]) for r in asked) + 8 * longest)
    return {
        "calls": len(asked),
        "prompt_tokens": read,
        "completion_tokens": written,
        "usd": None if price is None else round(price.cost_usd(read, written), 6),
        "usd_at_most": None if price is None else round(price.cost_usd(most_read, MOST_REQUESTS * longest), 6),
        "seconds": _seconds(len(asked), len(asked), settings),
        "tokens_counted_by": "the model's vocabulary" if counter.exact else "bytes",
    }


def _source(settings: GenSettings, workspace: Workspace) -> SeedCode:
    if settings.from_repo is not None:
        return seed_repository(settings.from_repo.expanduser())
    return find_seed_code(settings.seed_code, settings.language, workspace)


def _subject(settings: GenSettings, writer: LocalWriter | None) -> str:
    return settings.model.replace("/", "-") if writer is None else writer.resolved.subject


def _shared_inputs(writer: LocalWriter | None, benchmarks: tuple[LoadedBenchmark, ...]) -> Iterator[Input]:
    """The inputs beside what rows are made from: a model of this machine, and benchmarks."""
    if writer is not None:
        yield writer.source
    for benchmark in benchmarks:
        yield Input(f"benchmark {benchmark.name}", benchmark.source, benchmark.content_sha256)


def _pending_estimate(requests: Requests, settings: GenSettings, price: Price | None) -> dict[str, Any]:
    """Calls, tokens, dollars and time; the Chinese texts are about as long as the English ones."""
    counter = TokenCounter.of(settings.model)
    asked = [generation_request(request, settings) for request in requests.chosen]
    read = sum(counter.about(r.system) + counter.about(r.instruction) for r in asked)
    longest = settings.round_one.max_new_tokens
    tags = counter.about("<chinese></chinese>")
    written = sum(min(longest, tags + 2 * counter.about(r.english)) for r in requests.chosen)
    most_read = sum(counter.at_most([r.system, r.instruction]) for r in asked)
    calls = len(asked)
    return {
        "calls": calls,
        "prompt_tokens": read,
        "completion_tokens": written,
        "usd": None if price is None else round(price.cost_usd(read, written), 6),
        "usd_at_most": None if price is None else round(price.cost_usd(most_read, calls * longest), 6),
        "seconds": _seconds(calls, calls, settings),
        "tokens_counted_by": "the model's vocabulary" if counter.exact else "bytes",
    }


def price_of(settings: GenSettings) -> Price | None:
    """The price: the settings' numbers, else the table's, less for batches; None if either number is in neither.

    What this machine computes costs nothing.
    """
    if settings.is_local:
        return FREE
    listed = remote_model(settings.model)
    given = settings.price
    read, written = given.input_usd_per_mtok, given.output_usd_per_mtok
    if listed is not None:
        read = listed.input_usd_per_mtok if read is None else read
        written = listed.output_usd_per_mtok if written is None else written
    if read is None or written is None:
        return None
    share = BATCH_SHARE if settings.runtime.batch_api else 1.0
    return Price(share * read, share * written)


def _benchmarks(settings: GenSettings) -> Available:
    """The benchmarks to decontaminate against; nothing is fetched.

    Raises:
        MissingInputError: `bench_data` contains no benchmark, or a broken one.
    """
    return available_benchmarks(BenchmarkPlaces(given=settings.bench_data)) if settings.decontaminate else NO_BENCHMARKS


def _estimate(seeds: list[Seed], settings: GenSettings, price: Price | None) -> dict[str, Any]:
    """Calls, tokens, dollars and time of a run from scratch in which every round is requested once."""
    counter = TokenCounter.of(settings.model)
    longest = settings.round_one.max_new_tokens, settings.round_two.max_new_tokens
    about, most = [0, 0], [0, 0]  # tokens of the prompts of each round
    for seed in seeds:
        for round_, request in enumerate((first_request(seed, settings), program_request(seed, "", settings))):
            about[round_] += counter.about(request.system) + counter.about(request.instruction)
            most[round_] += counter.at_most([request.system, request.instruction])
    tries = 1 if settings.functions_per_request == 1 else 2  # what a joint answer lacks is requested again
    # A second prompt holds an instruction. 8 bytes per token is a generous bound: few tokens are longer.
    instructions = 8 * len(seeds) * longest[0]
    expected = (
        min(EXPECTED_INSTRUCTION_TOKENS, settings.round_one.max_new_tokens),
        min(EXPECTED_PROGRAM_TOKENS, settings.round_two.max_new_tokens),
    )
    written = len(seeds) * sum(expected)
    python = sum(seed.language == "python" for seed in seeds)
    further = further_requests(settings, len(seeds), python, about[1], most[1] + instructions, expected[1])
    read = sum(about) + len(seeds) * EXPECTED_INSTRUCTION_TOKENS + further.read
    written += further.written
    most_read = tries * sum(most) + instructions + further.most_read
    most_written = len(seeds) * (tries * longest[0] + longest[1]) + further.most_written
    calls = _calls(len(seeds), settings) + further.calls
    return {
        "calls": calls,
        "prompt_tokens": read,
        "completion_tokens": written,
        "usd": None if price is None else round(price.cost_usd(read, written), 6),
        "usd_at_most": None if price is None else round(price.cost_usd(most_read, most_written), 6),
        "seconds": _seconds(calls, len(seeds), settings),
        "tokens_counted_by": "the model's vocabulary" if counter.exact else "bytes",
    }


def _calls(seeds: int, settings: GenSettings) -> int:
    """The calls of both rounds if every answer is complete."""
    return math.ceil(seeds / settings.functions_per_request) + seeds


def _seconds(calls: int, at_once: int, settings: GenSettings) -> float | None:
    """How long the calls may take; unknown for a model of this machine."""
    if settings.is_local:
        return None
    return round(calls * EXPECTED_SECONDS_PER_CALL / min(settings.runtime.concurrency, at_once), 1)


def _blockers(settings: GenSettings, price: Price | None, writer: LocalWriter | None) -> list[CliError]:
    if settings.reparse:
        return []
    if writer is not None:
        return list(writer_blockers(settings, writer))
    found: list[CliError] = []
    if settings.pending is None and settings.wordings is None and rank(level_to_keep(settings.keep)) >= rank("ran"):
        why = why_nothing_runs(settings.proof)
        if why:
            found.append(UsageError(f"--keep {settings.keep} needs a sandbox: {why}", "--keep 'proof>=parsed'"))
    for flaw in (check_access(settings.runtime), why_shut_down(settings.model, address(settings.runtime), today())):
        if flaw is not None:
            found.append(flaw)
    if settings.max_usd is not None and price is None:
        found.append(
            UsageError(
                f"--max-usd can't be enforced for {settings.model}: its price is not in coma's table.",
                "--set price.input_usd_per_mtok=0.5 --set price.output_usd_per_mtok=1.5 (0 for a server of your own)",
            )
        )
    return found


def _notes(
    settings: GenSettings,
    source: SeedCode,
    seeds: list[Seed],
    tally: SeedTally,
    price: Price | None,
    absent: tuple[str, ...],
) -> list[str]:
    few = f", fewer than the {settings.num} requested" if settings.num and len(seeds) < settings.num else ""
    usable = count_of(tally.usable, "code function")
    lines = [f"{len(seeds)} of {usable} from {source.input.path}{few}{_skipped(tally)}"]
    if settings.num_kept is not None:
        lines.append(
            f"More of them follow until {count_of(settings.num_kept, 'row')} are kept; the estimate is the least"
        )
    lines += [f"skipped: {line}" for line in tally.corrupt[:_NAMED_LINES]]
    if len(tally.corrupt) > _NAMED_LINES:
        lines.append(f"skipped: {len(tally.corrupt) - _NAMED_LINES} more broken rows")
    return [*lines, *_common_notes(settings, price, absent)]


def _common_notes(settings: GenSettings, price: Price | None, absent: tuple[str, ...]) -> list[str]:
    """Notes on price, key and benchmarks, for both kinds of runs."""
    lines = []
    unchecked = [f"Rows are not checked against {', '.join(absent)}: --set bench_data=PATH adds their problems"]
    if settings.is_local:
        note = f"Model: {settings.model} on this machine ({settings.engine}); no key is needed and nothing is paid"
        return [note, *(unchecked if absent else [])]
    own = settings.price.input_usd_per_mtok is not None or settings.price.output_usd_per_mtok is not None
    if price is not None:
        origin = "as set" if own else f"approximate list price of {AS_OF}"
        origin += f", times {BATCH_SHARE:g} in batches" if settings.runtime.batch_api else ""
        rates = f"${price.input_usd_per_mtok:g} in and ${price.output_usd_per_mtok:g} out"
        lines.append(f"{settings.model}: {rates} per million tokens ({origin})")
    elif settings.max_usd is None:
        lines.append(f"The price of {settings.model} is unknown, so no cost is counted")
    if address(settings.runtime) is not None and not has_key():
        lines.append("OPENAI_API_KEY is not set; requests are sent without a key")
    return [*lines, *(unchecked if absent else [])]


def _skipped(tally: SeedTally) -> str:
    parts = [f"{count} {reason}" for reason, count in sorted(tally.skipped.items())]
    parts += [count_of(len(tally.corrupt), "broken row")] if tally.corrupt else []
    return f" (skipped: {', '.join(parts)})" if parts else ""
