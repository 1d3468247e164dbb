"""Proves programs of all languages as far as this machine can, each once: what was found is kept in a journal."""

import ast
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coma_cli.instructions.proving.foreign_proof import ForeignJob, prove_foreign, toolchains_at
from coma_cli.instructions.proving.levels import Level, Proof
from coma_cli.instructions.proving.python_proof import PythonJob, prove_python
from coma_cli.instructions.proving.settings import ProofSettings
from coma_cli.journal import Journal
from coma_cli.records import Record
from coma_cli.sandbox import (
    Limits,
    Sandbox,
    SandboxError,
    SandboxUnavailable,
    default_workers,
    probe_isolation,
)
from coma_cli.syntax.trees import parses

PROOFS_FILE = "proofs.jsonl"
_WALL_S = 6.0  # of waiting: programs that sleep


@dataclass(frozen=True)
class ProgramToProve:
    """A program to prove, in its language; the other fields are those of `PythonJob`, and count for Python only."""

    key: str
    language: str
    program: str
    lines: tuple[int, int] | None = None
    asserts: str = ""
    others: tuple[str, ...] = ()


class ProofRow(Record):
    """What was found of one program, by a hash of the program and of all that it was proven with."""

    id: str
    level: Level
    detail: str = ""
    error: str = ""
    outcome: str = ""
    runs: int = 0
    groups: tuple[int, ...] = ()

    @property
    def proof(self) -> Proof:
        """What was found."""
        return Proof(self.level, self.detail, self.error, self.outcome, self.runs, self.groups)

    @property
    def key(self) -> str:
        return self.id


@dataclass
class Prover:
    """Proves programs; `isolation` and `toolchains` say what it ran them with, once it did."""

    settings: ProofSettings
    journal: Journal[ProofRow]
    workers: int | None = None
    isolation: str = ""
    toolchains: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def __post_init__(self) -> None:
        self._known = {row.id: row for row in self.journal.rows()}

    def prove(
        self, candidates: Sequence[ProgramToProve], on_proven: Callable[[], None] = lambda: None
    ) -> dict[str, Proof]:
        """The proof of each program, by its key.

        Without any isolation on this machine no program is run, and none is proven beyond its syntax.
        """
        found: dict[str, Proof] = {}
        missing: list[ProgramToProve] = []
        for candidate in candidates:
            known = self._known.get(self._name(candidate))
            if known is not None:
                found[candidate.key] = known.proof
                on_proven()
            elif (flaw := syntax_error(candidate.language, candidate.program)) is not None:
                self._take(found, candidate, Proof("none", flaw, flaw), on_proven)
            else:
                missing.append(candidate)
        python = [candidate for candidate in missing if candidate.language == "python"]
        self._prove_python(python, found, on_proven)
        self._prove_others([candidate for candidate in missing if candidate.language != "python"], found, on_proven)
        return found

    def _prove_python(
        self, candidates: Sequence[ProgramToProve], found: dict[str, Proof], on_proven: Callable[[], None]
    ) -> None:
        if not candidates:
            return
        by_key = {candidate.key: candidate for candidate in candidates}
        limits = Limits(cpu_s=self.settings.cpu_s, wall_s=_WALL_S, memory_mb=self.settings.memory_mb)
        try:
            with Sandbox(limits=limits, workers=self.workers, isolation=self.settings.isolation) as sandbox:
                self.isolation = sandbox.isolation.level
                for key, proof in prove_python(map(_job, candidates), sandbox):
                    self._take(found, by_key[key], proof, on_proven)
        except SandboxUnavailable as error:
            for candidate in candidates:  # not kept: another start may find a machine that can
                found[candidate.key] = Proof("parsed", f"no sandbox on this machine: {error}")

    def _prove_others(
        self, candidates: Sequence[ProgramToProve], found: dict[str, Proof], on_proven: Callable[[], None]
    ) -> None:
        if not candidates:
            return
        if not self.settings.other_languages:
            for candidate in candidates:
                self._take(found, candidate, Proof("parsed", "other languages are not run"), on_proven)
            return
        by_key = {candidate.key: candidate for candidate in candidates}
        jobs = [ForeignJob(candidate.key, candidate.language, candidate.program) for candidate in candidates]
        try:
            level = probe_isolation(self.settings.isolation).level
            self.isolation = level
            self.toolchains = {name: chain.version for name, chain in toolchains_at(level).items()}
            for key, proof in prove_foreign(jobs, self.settings, level, self.workers or default_workers()):
                self._take(found, by_key[key], proof, on_proven)
        except SandboxError as error:
            for candidate in candidates:
                found.setdefault(candidate.key, Proof("parsed", f"no sandbox on this machine: {error}"))

    def _take(
        self, found: dict[str, Proof], candidate: ProgramToProve, proof: Proof, on_proven: Callable[[], None]
    ) -> None:
        found[candidate.key] = proof
        self.runs += proof.runs
        row = ProofRow(
            id=self._name(candidate),
            level=proof.level,
            detail=proof.detail,
            error=proof.error,
            outcome=proof.outcome,
            runs=proof.runs,
            groups=proof.groups,
        )
        # What this machine can't run, another one, or this one later, may.
        if row.id not in self._known and (proof.runs or proof.level == "none"):
            self._known[row.id] = row
            self.journal.append(row)
        on_proven()

    def _name(self, candidate: ProgramToProve) -> str:
        parts = [candidate.language, candidate.program, candidate.lines, candidate.asserts, candidate.others]
        limits = self.settings.model_dump(mode="json")
        return hashlib.sha256(json.dumps([*parts, limits], sort_keys=True).encode()).hexdigest()[:32]


def _job(candidate: ProgramToProve) -> PythonJob:
    return PythonJob(candidate.key, candidate.program, candidate.lines, candidate.asserts, candidate.others)


def syntax_error(language: str, program: str) -> str | None:
    """Why a program does not parse; None if it does, or if there is no grammar for its language."""
    if parses(language, program) is not False:
        return None
    if language == "python":
        try:
            ast.parse(program)
        except SyntaxError as error:
            return f"line {error.lineno}: SyntaxError: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            return f"{type(error).__name__}: {error}"
    return "it has a syntax error"


def why_nothing_runs(settings: ProofSettings) -> str:
    """Why no program can be run on this machine; "" if programs can."""
    try:
        probe_isolation(settings.isolation)
    except (SandboxError, SandboxUnavailable) as error:
        return str(error)
    return ""
