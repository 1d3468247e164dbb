"""Determines why a sample failed, from its text, the extracted program and the detail of its verdict.

One cause per sample: the first thing that went wrong, since later problems are consequences. Nothing is run here.
"""

import ast
import re
import sys
import typing

from coma_cli.corpus.extraction import code_text
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.protocols import ExtractionProtocol, holds_program
from coma_cli.records import Problem, Verdict

NO_CODE = "no code found"
TRUNCATED = "truncated at the token limit"
FENCE_OPEN = "fence not closed"
FENCE_LEFT = "fence left in the program"
REPEATED = "signature repeated"
PROSE = "text around the code"
SYNTAX = "syntax error"
NO_ENTRY = "entry point missing"
NO_IMPORT = "import missing"
WRONG = "wrong answer"
NO_VALUE = "answer of an unsupported type"
LEFT = "exited before the tests finished"
TIMEOUT = "timeout"
MEMORY = "memory"
CRASH = "the sandbox could not run it"

# The most common remedy for each cause; none if the model is simply wrong.
REMEDIES = {
    NO_CODE: "check that the prompt reaches the model complete and in its own template (coma sample --template)",
    TRUNCATED: "use a larger coma sample --max-new-tokens",
    FENCE_OPEN: "usually a truncated answer: use a larger coma sample --max-new-tokens",
    FENCE_LEFT: "--protocol default extracts the program from its fence",
    REPEATED: "--protocol default keeps a whole function unchanged",
    PROSE: "--protocol default removes the text",
    NO_IMPORT: "the model relies on imports that the prompt does not contain",
    TIMEOUT: "use a larger --timeout if the references are close to it too",
    MEMORY: "use a larger --memory",
}

_EXCEPTION = re.compile(
    r"(?:while loading: )?([A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit|Warning))\b(.*)", re.DOTALL
)
_DEFINITION = re.compile(r"^(?:async\s+)?def\s", re.MULTILINE)
_NAME = re.compile(r"name '(\w+)' is not defined")
_STATEMENT = re.compile(
    r"^\s+(?:return|for|if|while|import|from|def|try|with|raise|yield)\b|^\s*\w+\s*=[^=]", re.MULTILINE
)
_SHORT_NAMES = (
    "np pd plt nx tf sqrt ceil floor gcd factorial reduce partial defaultdict Counter deque OrderedDict namedtuple"
)
_ITERTOOLS = (
    "chain combinations permutations product groupby accumulate islice zip_longest cmp_to_key lru_cache dataclass"
)
_IMPORTABLE = frozenset(
    {*sys.stdlib_module_names, *typing.__all__, *_SHORT_NAMES.split(), *_ITERTOOLS.split(), "numpy"}
)


def cause_of(problem: Problem, protocol: ExtractionProtocol, sample: Candidate, verdict: Verdict) -> str:
    """The cause of a verdict other than pass, in a few words; exceptions are distinguished by type."""
    if verdict.runner_crash:
        return CRASH
    if verdict.verdict in (TIMEOUT, MEMORY):
        return verdict.verdict
    source = protocol.extract(problem, sample.text, sample.whole)
    tree = code_text.parse(source)
    entry = code_text.definition_of(tree, problem.entry_point) if isinstance(tree, ast.Module) else None
    if entry is None or (problem.prompt_code and code_text.body_size(entry) == 0):
        return _unread(problem, sample, parses=isinstance(tree, ast.Module))
    if sample.finish_reason == "length" and _breaks_off_in(entry, source, sample.text):
        return TRUNCATED
    if problem.prompt_code and _only_defines(entry):
        return REPEATED if _defines(problem.entry_point, sample.text) else NO_ENTRY
    return _at_run_time(verdict.detail)


def _unread(problem: Problem, sample: Candidate, *, parses: bool) -> str:
    """The cause if the program does not define the requested function."""
    text = code_text.unify(sample.text)
    if not text.strip():
        return NO_CODE
    if sample.finish_reason == "length":
        return TRUNCATED
    fences = code_text.fences(text)
    if any(not fence.closed for fence in fences):
        return FENCE_OPEN
    if holds_program(problem, text):
        if not _defines(problem.entry_point, text) and _DEFINITION.search(text):
            return NO_ENTRY
        return FENCE_LEFT if fences else REPEATED if _defines(problem.entry_point, text) else PROSE
    if not _looks_like_code(text, bool(fences)):
        return NO_CODE
    others = any(isinstance(code_text.parse(fence.code), ast.Module) for fence in fences)
    return NO_ENTRY if parses or others else SYNTAX


def _defines(name: str, text: str) -> bool:
    return re.search(rf"\bdef\s+{re.escape(name)}\s*\(", text) is not None


def _looks_like_code(text: str, fenced: bool) -> bool:
    return fenced or next(code_text.code_starts(text), None) is not None or _STATEMENT.search(text) is not None


def _breaks_off_in(entry: ast.stmt, source: str, text: str) -> bool:
    """Whether a text ends before any other top-level line follows the requested function."""
    last = source.split("\n")[(entry.end_lineno or 1) - 1].strip()
    _, found, rest = text.rstrip().rpartition(last)
    return bool(found) and not any(line[:1].strip() for line in rest.split("\n")[1:])


def _only_defines(entry: ast.stmt) -> bool:
    """Whether a function only defines other functions: the model restarted instead of continuing."""
    body = entry.body if isinstance(entry, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
    inner = [s for s in body if isinstance(s, code_text.Definition)]
    return bool(inner) and code_text.body_size(entry) == len(inner)


def _at_run_time(detail: str) -> str:
    if detail.startswith("killed by "):
        return detail.split(" (")[0]
    if detail.startswith("the program returned "):
        return NO_VALUE
    hit = _EXCEPTION.match(detail)
    if hit is None:
        return (
            LEFT
            if detail.startswith("exited ")
            else SYNTAX
            if "lone surrogates" in detail or "NUL" in detail
            else WRONG
        )
    name, rest = hit[1], hit[2]
    if name in ("SyntaxError", "IndentationError", "TabError"):
        return SYNTAX
    if name in ("ModuleNotFoundError", "ImportError") or (name == "NameError" and _is_importable(rest)):
        return NO_IMPORT
    return WRONG if name == "AssertionError" else f"exception {name}"


def _is_importable(words: str) -> bool:
    missing = _NAME.search(words)
    return missing is not None and missing[1] in _IMPORTABLE
