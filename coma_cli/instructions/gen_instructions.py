"""gen-instructions: rows written by a language model from code functions, in two rounds, at a capped cost.

Only what the workspace's journal of answers lacks is requested; the rows are made from the answers once all are there.
So a killed run loses at most the calls in flight, and its rows are those of a run that was not killed.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from pydantic import BaseModel

from coma_cli import console
from coma_cli.corpus.decontamination.decontaminate import index_of
from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.batch_records import keys_at_servers
from coma_cli.engines.openai_engine import address
from coma_cli.engines.openai_models import described_model, shutdown_note
from coma_cli.engines.openai_session import Traffic
from coma_cli.errors import BudgetReachedError, CliError, UsageError
from coma_cli.instructions.budget import FREE, LEDGER_FILE, Budget, Call, Spending
from coma_cli.instructions.card import CARD, CardFacts, card
from coma_cli.instructions.code_functions import CODE_FUNCTIONS
from coma_cli.instructions.pending_requests import PENDING_REQUESTS
from coma_cli.instructions.planning import GenPlan, make_plan, pending_plan, wordings_plan
from coma_cli.instructions.proving.drafts import prove_rows
from coma_cli.instructions.proving.prover import PROOFS_FILE, ProofRow, Prover
from coma_cli.instructions.proving.summary import ProofSummary, proof_summary
from coma_cli.instructions.round_rows import file_of_round, round_rows
from coma_cli.instructions.rounds import ItemDraft, Rounds
from coma_cli.instructions.rows import GeneratedRows, rows_of
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.task_wordings import gather_wordings
from coma_cli.instructions.wordings_run import finish_wordings, wordings_headline
from coma_cli.instructions.writers import WritingEngine, open_writer
from coma_cli.jsonl import write_rows
from coma_cli.records import Record
from coma_cli.stage import Stage
from coma_cli.words import count_of, shortened
from coma_cli.workspace import Run, StageResult, Workspace

_LEAST_MORE = 8  # functions that --num-kept tries at once
OUTPUTS = ("train.jsonl", "validation.jsonl", "dropped.jsonl")


class GenSummary(BaseModel):
    """What a run made and what it cost; dollars are None if no price is known."""

    model: str
    code_functions: int
    requests: int
    train: int
    validation: int
    dropped: dict[str, int]
    proof: ProofSummary
    calls: int
    calls_this_start: int
    answers_reused: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    usd_this_start: float | None
    usd_for_lost_answers: float | None
    max_usd: float | None
    benchmarks: list[str]
    corrupt_seed_lines: int
    corrupt_answer_lines: int


@dataclass(frozen=True)
class Costs:
    """The costs of all starts, the traffic and dollars of this one, and broken lines in the journal of answers."""

    spending: Spending
    traffic: Traffic
    usd_this_start: float
    broken_answers: int


def plan(settings: GenSettings, workspace: Workspace) -> GenPlan:
    """Choose the code functions, look up the price, estimate calls, tokens, dollars and time."""
    if settings.wordings is not None:
        return wordings_plan(settings, workspace)
    if settings.tasks is not None:
        raise UsageError(
            "--tasks says which tasks to word, and no wordings were requested.", "Add --wordings 8, or omit --tasks."
        )
    return make_plan(settings, workspace) if settings.pending is None else pending_plan(settings, workspace)


def preview(settings: GenSettings, workspace: Workspace) -> GenPlan:
    """As `plan`, for a dry run, which also asks the user's own server about the model."""
    _say_when_it_is_shut_down(settings)
    return plan(settings, workspace)


def _say_when_it_is_shut_down(settings: GenSettings) -> None:
    if settings.is_local or settings.reparse:
        return
    described = described_model(settings.model, address(settings.runtime), settings.runtime)
    line = shutdown_note(settings.model, described)
    if line is not None:
        console.warn(line)


def work(run: Run, settings: GenSettings, plan: GenPlan) -> StageResult:
    """Request what is missing, make the rows, write them.

    Raises:
        BudgetReachedError: the next call might exceed the cap. CliError: calls failed, or no row was accepted.
        UsageError: the server refuses the key or does not know the model.
    """
    _say_when_it_is_shut_down(settings)
    server = settings.server if plan.writer is None else plan.writer.server(settings)
    rounds = _rounds(plan, settings, server)
    broken_before = len(run.corrupt)
    with AnswerJournal(plan.workspace.answers_folder(), on_corrupt=run.corrupt.append) as answers:
        broken_answers = len(run.corrupt) - broken_before
        ledger, at_server = run.journal(LEDGER_FILE, Call), keys_at_servers(plan.workspace.answers_folder())
        budget = Budget.from_ledger(ledger, plan.price or FREE, settings.max_usd, answers, at_server)
        spent_before = budget.spent_usd
        engine = open_writer(settings, plan.writer, answers, budget, run.path.parent)
        if settings.wordings is not None:
            try:
                found = gather_wordings(engine, plan.wordings, settings, server)
            finally:
                run.count_work(engine.traffic.answered)
            spending, priced = budget.spending(), plan.price is not None
            return finish_wordings(run, found, settings, spending, engine.traffic, priced=priced)
        prover = Prover(settings.proof, run.journal(PROOFS_FILE, ProofRow))
        try:
            rows = _made_rows(engine, rounds, prover, plan, settings, budget if plan.price else None)
        except BudgetReachedError as error:
            raise _with_what_is_there(error, rounds) from None
        finally:
            run.count_work(engine.traffic.answered)
    outputs = _write(run, rounds, rows)
    _require_rows(run, rows)
    spending = budget.spending()
    costs = Costs(spending, engine.traffic, spending.usd - spent_before, broken_answers)
    used = len(rounds.drafts) if settings.pending is None else 0
    proof = proof_summary(rounds.drafts.values(), prover)
    _say_where_programs_disagree(proof)
    summary = _summary(settings, plan, rows, costs, used, proof)
    kept = Counter(row.proof for row in (*rows.train, *rows.validation) if row.proof)
    facts = CardFacts(rounds.kind, [*rounds.drafts.values()], rows, summary.model_dump(), kept)
    _write_card(run, facts, settings)
    return StageResult(summary, outputs, spending.prompt_tokens + spending.completion_tokens, summary.usd)


def _say_where_programs_disagree(proof: ProofSummary) -> None:
    if proof.without_majority:
        compared = count_of(sum(proof.agreement.values()), "instruction")
        console.note(
            f"For {proof.without_majority} of {compared} at most half of the programs agree; such a row states what "
            "its own program shows: --keep 'proof>=cross-checked' drops it."
        )


def _rounds(plan: GenPlan, settings: GenSettings, server: str) -> Rounds[Any]:
    if settings.pending is None:
        return Rounds(CODE_FUNCTIONS, plan.seeds, settings, server)
    return Rounds(PENDING_REQUESTS, plan.requests, settings, server)


def _made_rows(
    engine: WritingEngine,
    rounds: Rounds[Any],
    prover: Prover,
    plan: GenPlan,
    settings: GenSettings,
    budget: Budget | None,
) -> GeneratedRows:
    """The rows of all functions; with `num_kept`, of as many functions as that number of rows needs.

    How many are tried next depends on the rows so far, so a run that was killed tries the same ones.
    """
    index = index_of(plan.benchmarks) if settings.decontaminate else None
    proven = 0
    while True:
        _ask(engine, rounds, budget)
        _check_failures(rounds)
        if settings.pending is None:
            fresh = dict(islice(rounds.drafts.items(), proven, None))
            prove_rows(fresh, engine, prover, settings, rounds.server)
            rounds.drafts.update(fresh)
            proven = len(rounds.drafts)
        rows = rows_of(rounds.kind, rounds.drafts.values(), settings, index)
        used = len(rounds.drafts)
        if plan.chooser is None or settings.num_kept is None or rows.kept >= settings.num_kept:
            return rows
        wanted = next_number(used, rows.kept, settings.num_kept)
        wanted = settings.in_whole_requests(min(settings.most_items, wanted))
        more = plan.chooser.first(wanted)[used:] if wanted > used else []
        if not more:
            limit = "--num" if used >= settings.most_items else "there are no more"
            console.warn(f"{rows.kept} rows of {used} code functions are kept, not {settings.num_kept}: {limit}.")
            return rows
        console.note(f"{count_of(rows.kept, 'row')} of {used} code functions are kept; {len(more)} more are tried")
        rounds.add(more)


def next_number(used: int, kept: int, wanted: int) -> int:
    """How many functions to have tried next, if they give rows as those so far did; at most four times as many."""
    needed = math.ceil((wanted - kept) * used / max(kept, 1))
    return used + max(_LEAST_MORE, min(needed, 3 * used))


def _ask(engine: WritingEngine, rounds: Rounds[Any], budget: Budget | None) -> None:
    """Run all rounds: send the requests that can be made, take the responses as they come; the cost is shown live."""
    left = sum(draft.state == "open" for draft in rounds.drafts.values())
    with console.progress(rounds.kind.name.capitalize(), left) as ticker:
        while rounds.pending:
            with closing(engine.generate(rounds.requests())) as responses:
                for response in responses:
                    for draft in rounds.take(response):
                        if draft.state != "open":
                            ticker.advance(live=f"${budget.spent_usd:.4f}" if budget else "")


def _with_what_is_there(error: BudgetReachedError, rounds: Rounds[Any]) -> BudgetReachedError:
    drafts: list[ItemDraft[Any]] = list(rounds.drafts.values())
    settled = sum(draft.settled for draft in drafts)
    # Rows are finished in about the order of their functions; so a smaller --num may be complete already.
    first = sum(1 for _ in takewhile(lambda draft: draft.settled, drafts))
    or_less = f" Or --num {first}: finishes with what is already paid for." if first else ""
    done = f"{settled} of {len(drafts)} {rounds.kind.name} are done."
    return BudgetReachedError(f"{error.message} {done}", f"{error.hint}{or_less}")


def _check_failures(rounds: Rounds[Any]) -> None:
    failed = [draft for draft in rounds.drafts.values() if draft.state == "failed"]
    if failed:
        raise CliError(
            f"{len(failed)} of {len(rounds.drafts)} {rounds.kind.name} have a call without an answer; "
            f"the last failure: {failed[-1].failure}.",
            "Rerun the same command: it requests only these again; everything else is kept.",
        )


def _write(run: Run, rounds: Rounds[Any], rows: GeneratedRows) -> tuple[str, ...]:
    """Move the files of rows into place, each whole; their names."""
    contents: dict[str, Iterable[Record]] = {
        file_of_round(number): round_rows(rounds.kind, rounds.drafts.values(), number)
        for number in range(len(rounds.kind.rounds))
    }
    contents |= dict(zip(OUTPUTS, (rows.train, rows.validation, rows.dropped), strict=True))
    scratch = run.scratch("rows")
    for name, content in contents.items():
        write_rows(scratch / name, (row.to_row() for row in content))
        run.place(scratch / name, name)
    return tuple(contents)


def _write_card(run: Run, facts: CardFacts, settings: GenSettings) -> None:
    made = run.scratch("rows") / CARD
    made.write_text(card(facts, settings), encoding="utf-8")
    run.place(made, CARD)


def _require_rows(run: Run, rows: GeneratedRows) -> None:
    if not rows.train:
        reasons = ", ".join(f"{reason} {count}" for reason, count in rows.reasons.items()) or "all went to validation"
        last = next((row.detail for row in reversed(rows.dropped) if row.detail), "")
        raise CliError(
            f"No row was accepted for training ({reasons}{f'; the last: {shortened(last, 160)}' if last else ''}).",
            f"See {run.path / 'dropped.jsonl'}; another --model, a larger --num or other filters.* may do better.",
        )


def _summary(
    settings: GenSettings, plan: GenPlan, rows: GeneratedRows, costs: Costs, used: int, proof: ProofSummary
) -> GenSummary:
    spending, priced = costs.spending, plan.price is not None
    return GenSummary(
        model=settings.model,
        code_functions=used,
        requests=len(plan.requests),
        train=len(rows.train),
        validation=len(rows.validation),
        dropped=rows.reasons,
        proof=proof,
        calls=spending.calls,
        calls_this_start=costs.traffic.answered,
        answers_reused=costs.traffic.reused,
        prompt_tokens=spending.prompt_tokens,
        completion_tokens=spending.completion_tokens,
        usd=spending.usd if priced else None,
        usd_this_start=costs.usd_this_start if priced else None,
        usd_for_lost_answers=spending.lost_usd if priced else None,
        max_usd=settings.max_usd,
        benchmarks=[benchmark.name for benchmark in plan.benchmarks],
        corrupt_seed_lines=plan.corrupt_seed_lines,
        corrupt_answer_lines=costs.broken_answers,
    )


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    if "wordings" in summary:
        return wordings_headline(summary)
    dropped = sum(summary["dropped"].values())
    return f"{summary['train']} training and {count_of(summary['validation'], 'validation row')}, {dropped} dropped"


def show(summary: Mapping[str, Any]) -> None:
    """Print rows, calls, tokens and dollars."""
    console.print_values("gen-instructions", summary)


STAGE = Stage(settings=GenSettings, plan=plan, work=work, show=show, headline=headline, preview=preview)
