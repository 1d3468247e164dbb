"""Streams samples through extraction and the sandbox to verdicts, running each distinct program of a problem once.

Texts are not kept: what is remembered of a program is a digest and its verdict, so memory grows by some hundred bytes
a program, however long it is.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.programs import program_digest, program_of, source_sha256, unrunnable
from coma_cli.corpus.extraction.protocols import ExtractionProtocol
from coma_cli.evaluation.scoring.cluster import Runner
from coma_cli.journal import Journal
from coma_cli.records import DETAIL_LIMIT, FailedCheck, Problem, Verdict, VerdictName, sample_key
from coma_cli.sandbox import Limits, Outcome, Program
from coma_cli.sandbox.contract import Mode

_FLUSH_AT = 200


class ProgramVerdict(NamedTuple):
    """The verdict on a program, which all samples that share it get."""

    verdict: VerdictName
    detail: str
    cpu_s: float
    attempts: int
    runner_crash: bool = False
    base: VerdictName | None = None
    failed_check: FailedCheck | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A sample that waits for its program's verdict."""

    task_id: str
    temperature: float | None
    index: int
    protocol: str
    program_sha256: str

    def verdict(self, known: ProgramVerdict) -> Verdict:
        """The row of this sample."""
        return Verdict(
            task_id=self.task_id,
            temperature=self.temperature,
            index=self.index,
            protocol=self.protocol,
            program_sha256=self.program_sha256,
            verdict=known.verdict,
            detail=known.detail,
            base=known.base,
            cpu_s=known.cpu_s,
            attempts=known.attempts,
            runner_crash=known.runner_crash,
            failed_check=known.failed_check,
        )


@dataclass(slots=True)
class Waiting:
    """A program in the sandbox: who waits for its verdict, and which of its problem's stages it is in."""

    members: list[Asked]
    source: str
    stage: int = 0
    before: ProgramVerdict | None = None


class Scorer:
    """One pass through the samples.

    `on_rows` hears how many rows were written, `on_run` of each program really run, and `on_failed` the task id, the
    SHA-256 and the text of each program that failed.

    `stages` are, by task id, the problem with each set of tests that a program has to pass, the cheapest first: what
    fails in one is not run in the next. Where there are two, the verdict of the first is kept as that of the base.
    `known` are further verdicts on these problems that may be shared.
    """

    def __init__(
        self,
        journal: Journal[Verdict],
        stages: Mapping[str, Sequence[Problem]],
        protocols: Sequence[ExtractionProtocol],
        modes: Mapping[str, Mode],
        limits_of: Callable[[Problem], Limits],
        *,
        share: bool,
        known: Iterable[Verdict] = (),
        on_rows: Callable[[int], None],
        on_run: Callable[[], None],
        on_failed: Callable[[str, str, str], None] = lambda task_id, sha256, source: None,
    ) -> None:
        self._journal = journal
        self._stages = stages
        self._protocols = protocols
        self._modes = modes
        self._limits_of = limits_of
        self._known = known
        self._share = share
        self._on_rows = on_rows
        self._on_run = on_run
        self._on_failed = on_failed
        self._verdicts: dict[bytes, ProgramVerdict] = {}
        self._extracted: dict[bytes, str] = {}
        self._waiting: dict[str, Waiting] = {}
        self._next: deque[Program] = deque()
        self._ready: list[Verdict] = []

    def run(self, runner: Runner, candidates: Iterable[Candidate]) -> None:
        """Give every sample that has none yet its verdict; rows are written as they come."""
        if self._share:
            self._recall()
        for outcome in runner.run(self._programs(candidates)):
            self._take(outcome)
        while self._next:
            for outcome in runner.run(self._further()):
                self._take(outcome)
        self._flush()

    def _recall(self) -> None:
        """Take over the verdicts that an earlier start of this run has written, and those known from elsewhere."""
        for row in chain(self._known, self._journal.rows()):
            if not row.failed and row.program_sha256:
                digest = program_digest(row.task_id, row.program_sha256)
                self._verdicts[digest] = ProgramVerdict(
                    row.verdict, row.detail, row.cpu_s, row.attempts, base=row.base, failed_check=row.failed_check
                )

    def _programs(self, candidates: Iterable[Candidate]) -> Iterator[Program]:
        """The programs that must be run; on the way, samples whose verdict is known already get their rows."""
        for candidate in candidates:
            problem = self._stages[candidate.task_id][0]
            for protocol in self._protocols:
                if f"{candidate.key}|{protocol.name}" in self._journal:
                    continue
                if candidate.missing:
                    self._write(self._no_answer(candidate, protocol.name))
                    continue
                program = self._ask(candidate, protocol, problem)
                yield from self._further()
                if program is not None:
                    yield program
        yield from self._further()

    def _further(self) -> Iterator[Program]:
        """The later stages of programs that have passed an earlier one."""
        while self._next:
            yield self._next.popleft()

    def _ask(self, candidate: Candidate, protocol: ExtractionProtocol, problem: Problem) -> Program | None:
        """The program to run for a sample; None if its verdict is known, or is under way for another sample."""
        text = _digest_of_text(candidate, protocol.name)
        sha256 = self._extracted.get(text) if self._share else None
        if sha256 is not None and self._join(candidate, protocol.name, sha256):
            return None
        source = protocol.extract(problem, candidate.text, candidate.whole)
        sha256 = source_sha256(source)
        self._extracted[text] = sha256
        if self._join(candidate, protocol.name, sha256):
            return None
        asked = Asked(candidate.task_id, candidate.temperature, candidate.index, protocol.name, sha256)
        reason = unrunnable(source)
        if reason:
            base: VerdictName | None = "fail" if len(self._stages[asked.task_id]) > 1 else None
            self._write(asked.verdict(ProgramVerdict("fail", reason, 0.0, 1, base=base)))
            self._on_failed(asked.task_id, sha256, source)
            return None
        key = self._waiting_key(asked)
        self._waiting[key] = Waiting([asked], source)
        return self._program(key, 0)

    def _no_answer(self, candidate: Candidate, protocol: str) -> Verdict:
        """The row of a sample without a completion, which is in the denominator like any other."""
        base: VerdictName | None = "no-answer" if len(self._stages[candidate.task_id]) > 1 else None
        asked = Asked(candidate.task_id, candidate.temperature, candidate.index, protocol, "")
        return asked.verdict(ProgramVerdict("no-answer", candidate.missing[:DETAIL_LIMIT], 0.0, 0, base=base))

    def _program(self, key: str, stage: int) -> Program:
        waiting = self._waiting[key]
        problem = self._stages[waiting.members[0].task_id][stage]
        limits = self._limits_of(problem)
        return program_of(problem, waiting.source, f"{stage}|{key}", self._modes[problem.task_id], limits)

    def _join(self, candidate: Candidate, protocol: str, sha256: str) -> bool:
        """Let a sample have the verdict of an equal program, now or when it comes; False if there is none."""
        asked = Asked(candidate.task_id, candidate.temperature, candidate.index, protocol, sha256)
        known = self._verdicts.get(program_digest(candidate.task_id, sha256)) if self._share else None
        if known:
            self._write(asked.verdict(known))
            return True
        waiting = self._waiting.get(self._waiting_key(asked))
        if waiting is not None:
            waiting.members.append(asked)
        return waiting is not None

    def _waiting_key(self, asked: Asked) -> str:
        """The program's name in the sandbox: one for equal programs of a problem, or one for each sample."""
        one = "" if self._share else f"|{sample_key('', asked.temperature, asked.index)}|{asked.protocol}"
        return f"{asked.task_id}|{asked.program_sha256}{one}"

    def _take(self, outcome: Outcome) -> None:
        """Write the rows of all samples that share the program that was just run, unless it has another stage to go."""
        key = outcome.key.partition("|")[2]
        waiting = self._waiting[key]
        verdict = _program_verdict(outcome, waiting.before)
        self._on_run()
        task_id = waiting.members[0].task_id
        more = len(self._stages[task_id]) > waiting.stage + 1
        if more and verdict.verdict == "pass":
            waiting.before, waiting.stage = verdict, waiting.stage + 1
            self._next.append(self._program(key, waiting.stage))
            return
        del self._waiting[key]
        if more:
            verdict = verdict._replace(base=verdict.verdict)
        if self._share and not outcome.runner_crash:
            self._verdicts[program_digest(task_id, waiting.members[0].program_sha256)] = verdict
        if verdict.verdict != "pass":
            self._on_failed(task_id, waiting.members[0].program_sha256, waiting.source)
        self._ready.extend(asked.verdict(verdict) for asked in waiting.members)
        self._flush()

    def _write(self, row: Verdict) -> None:
        self._ready.append(row)
        if len(self._ready) >= _FLUSH_AT:
            self._flush()

    def _flush(self) -> None:
        if self._ready:
            self._journal.append_all(self._ready)
            self._on_rows(len(self._ready))
            self._ready = []


def _program_verdict(outcome: Outcome, before: ProgramVerdict | None) -> ProgramVerdict:
    """An outcome together with that of the stage before."""
    detail, cpu_s, attempts = outcome.detail[:DETAIL_LIMIT], outcome.cpu_s, outcome.attempts
    base: VerdictName | None = None
    if before is not None:
        cpu_s, attempts, base = cpu_s + before.cpu_s, max(attempts, before.attempts), before.verdict
    failed = FailedCheck(**outcome.failed_test._asdict()) if outcome.failed_test else None
    return ProgramVerdict(outcome.verdict, detail, round(cpu_s, 4), attempts, outcome.runner_crash, base, failed)


def _digest_of_text(candidate: Candidate, protocol: str) -> bytes:
    """A short name of all that decides what a protocol makes of a completion."""
    name = f"{candidate.task_id}|{protocol}|{candidate.whole}|".encode()
    return hashlib.blake2b(name + candidate.text.encode("utf-8", errors="surrogatepass"), digest_size=16).digest()
