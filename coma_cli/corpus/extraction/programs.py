"""Turns a problem and a program's text into what the sandbox runs."""

import hashlib

from coma_cli.corpus.extraction.methods import callable_method
from coma_cli.corpus.extraction.plain_comparisons import comparing_plainly
from coma_cli.corpus.extraction.scripts import callable_script
from coma_cli.records import Problem
from coma_cli.sandbox import Limits, Program
from coma_cli.sandbox.contract import Mode


def program_of(problem: Problem, source: str, key: str, mode: Mode = "split", limits: Limits | None = None) -> Program:
    """A program with the trusted tests of its problem; the prompt's own helpers are available to the checker.

    Tests that share a process with the program compare plain values. A script becomes a function of what it reads, and
    a method of a class a function of its arguments.
    """
    return Program(
        key=key,
        source=_callable(problem, source),
        tests=f"{problem.setup}{problem.tests if mode == 'split' else comparing_plainly(problem.tests)}",
        prelude=problem.prompt_code,
        entry_points=problem.entry_points or (problem.entry_point,),
        mode=mode,
        limits=limits,
    )


def _callable(problem: Problem, source: str) -> str:
    """The program with what its tests call, where it does not define that itself."""
    if problem.is_script:
        return callable_script(source, problem.entry_point)
    if problem.method:
        return callable_method(source, problem.entry_point, problem.method, problem.entry_points[0])
    return source


def source_sha256(source: str) -> str:
    """SHA-256 (hex) of a program's text, including lone surrogates."""
    return hashlib.sha256(source.encode("utf-8", errors="surrogatepass")).hexdigest()


def program_digest(task_id: str, program_sha256: str) -> bytes:
    """A short key for one program of one problem."""
    return hashlib.blake2b(f"{task_id}|{program_sha256}".encode(), digest_size=16).digest()


def unrunnable(source: str) -> str | None:
    """Why a text can't be run as a Python program, known without trying; None if it has to be tried."""
    try:
        source.encode("utf-8")
    except UnicodeEncodeError:
        return "the program contains lone surrogates, which no source file can"
    return "the program contains a NUL byte" if "\0" in source else None
