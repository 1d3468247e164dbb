"""Explains a score: finds the cause of every failure, and scores the samples with the other protocols.

Verdicts of programs that the run has already judged are reused, so usually little is left to run.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.protocols import PROTOCOLS, ExtractionProtocol
from coma_cli.evaluation import results
from coma_cli.evaluation.explaining.causes import cause_of
from coma_cli.evaluation.explaining.explanation import Alternative, Cause, Explanation, count_causes
from coma_cli.journal import Journal
from coma_cli.records import Problem, Verdict
from coma_cli.workspace import Run

CAUSES = "causes.jsonl"
ALTERNATIVES = "alternatives.jsonl"
_FLUSH_AT = 500

Judge = Callable[[Journal[Verdict], Sequence[ExtractionProtocol], Iterable[Verdict]], None]


def others(protocols: Sequence[str]) -> list[ExtractionProtocol]:
    """The protocols that were not requested."""
    return [protocol for name, protocol in PROTOCOLS.items() if name not in protocols]


def explain(
    run: Run,
    verdicts: Journal[Verdict],
    judge: Judge,
    candidates: Callable[[], Iterable[Candidate]],
    problems: Mapping[str, Problem],
    protocols: Sequence[str],
    ks: Sequence[int],
    seed: int,
    kept: Container[str] = (),
) -> Explanation:
    """Complete the two row files of the explanation, and count them; examples are `kept` programs where possible."""
    causes = run.journal(CAUSES, Cause)
    _find_causes(causes, verdicts, candidates(), problems, protocols)
    alternatives = run.journal(ALTERNATIVES, Verdict)
    judge(alternatives, others(protocols), verdicts.rows())
    return Explanation(
        causes=count_causes(verdicts.rows(), causes.rows(), protocols, kept),
        alternatives=_alternatives(verdicts.rows(), alternatives, protocols, ks, seed),
    )


def _find_causes(
    journal: Journal[Cause],
    verdicts: Journal[Verdict],
    candidates: Iterable[Candidate],
    problems: Mapping[str, Problem],
    protocols: Sequence[str],
) -> None:
    newest = {row.key: row for row in verdicts.rows()}
    failed = {key: row for key, row in newest.items() if row.verdict != "pass" and key not in journal}
    known: dict[tuple[object, ...], str] = {}
    ready: list[Cause] = []
    for sample in candidates if failed else ():
        for name in protocols:
            row = failed.get(f"{sample.key}|{name}")
            if row is None:
                continue
            what = (row.task_id, row.program_sha256, name, hash(sample.text), sample.finish_reason)
            cause = known.get(what) or cause_of(problems[row.task_id], PROTOCOLS[name], sample, row)
            known[what] = cause
            ready.append(
                Cause(
                    task_id=row.task_id,
                    temperature=row.temperature,
                    index=row.index,
                    protocol=name,
                    cause=cause,
                )
            )
        if len(ready) >= _FLUSH_AT:
            journal.append_all(ready)
            ready = []
    journal.append_all(ready)


def _alternatives(
    verdicts: Iterable[Verdict], journal: Journal[Verdict], protocols: Sequence[str], ks: Sequence[int], seed: int
) -> list[Alternative]:
    """One for each other protocol and temperature, best first."""
    first = {_sample(row): row.verdict == "pass" for row in verdicts if row.protocol == protocols[0]}
    changes: dict[tuple[str, float | None], list[int]] = {}
    for row in {row.key: row for row in journal.rows()}.values():
        before, now = first.get(_sample(row), False), row.verdict == "pass"
        rescued_lost = changes.setdefault((row.protocol, row.temperature), [0, 0])
        rescued_lost[0] += now and not before
        rescued_lost[1] += before and not now
    counted = results.count(journal.rows(), list(PROTOCOLS), ks, (), seed)
    found = [
        Alternative(
            protocol=result.protocol,
            temperature=result.temperature,
            pass_at_k=result.pass_at_k,
            passed=result.verdicts["pass"],
            rescued=changes[result.protocol, result.temperature][0],
            lost=changes[result.protocol, result.temperature][1],
        )
        for result in counted.results
    ]
    return sorted(found, key=lambda row: (results.temperature_order(row.temperature), -row.passed))


def _sample(row: Verdict) -> tuple[str, float | None, int]:
    return row.task_id, row.temperature, row.index
