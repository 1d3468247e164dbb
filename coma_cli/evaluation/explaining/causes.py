"""Determines why a sample failed, from its text, the extracted program and the detail of its verdict.

One cause per sample: the first thing that went wrong, since later problems are consequences. Nothing is run here.
"""

import ast
import re
import sys
import typing

from coma_cli.corpus.extraction import python_text
from coma_cli.corpus.extraction.blocks import blocks_of, in_markdown
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.program import FoundProgram, Rule, find_program
from coma_cli.corpus.extraction.protocols import ExtractionProtocol
from coma_cli.corpus.extraction.pruning import without_demonstration
from coma_cli.corpus.extraction.thinking import without_thinking
from coma_cli.formats.text import unify
from coma_cli.records import Problem, Verdict

# What the extraction may be to blame for.
THINKING = "thinking part taken for the answer"
GLUED_TOKEN = "end token glued to the code"  # noqa: S105
MARKERS = "marker lines around the code"
DRAFT = "draft run instead of the last definition"
SEVERAL = "several definitions, of which the last was run"
OTHER_BLOCK = "helper in another block"
INDENTATION = "indentation of the completion"
FENCE_LEFT = "fence left in the program"
REPEATED = "signature repeated"
PROSE = "text around the code"
# What the sampling may be to blame for.
NO_CODE = "no code found"
UNFINISHED = "thinking part never closed"
TRUNCATED = "truncated at the token limit"
FENCE_OPEN = "fence not closed"
# What is wrong with the program.
SYNTAX = "syntax error"
NO_ENTRY = "entry point missing"
STUB = "a stub: the function has no body"
NO_IMPORT = "import missing"
WRONG = "wrong answer"
NO_VALUE = "answer of an unsupported type"
LEFT = "exited before the tests finished"
TIMEOUT = "timeout"
MEMORY = "memory"
CRASH = "the sandbox could not run it"
NO_ANSWER = "no completion in the file"

# The extraction's own causes, in the order in which they are named, and the rule that each lacks.
_BY_RULE: tuple[tuple[Rule, str], ...] = (
    ("thinking", THINKING),
    ("end-token", GLUED_TOKEN),
    ("markers", MARKERS),
    ("redefinition", DRAFT),
    ("other-blocks", OTHER_BLOCK),
    ("indentation", INDENTATION),
    ("fences", FENCE_LEFT),
)
EXTRACTION_CAUSES = frozenset((*(cause for _, cause in _BY_RULE), SEVERAL, REPEATED, PROSE))

# The most common remedy for each cause; none if the model is simply wrong.
_BY_DEFAULT = "--protocol default reads it"
REMEDIES = {
    THINKING: _BY_DEFAULT,
    GLUED_TOKEN: _BY_DEFAULT,
    MARKERS: _BY_DEFAULT,
    DRAFT: _BY_DEFAULT,
    OTHER_BLOCK: _BY_DEFAULT,
    INDENTATION: _BY_DEFAULT,
    FENCE_LEFT: _BY_DEFAULT,
    REPEATED: _BY_DEFAULT,
    PROSE: _BY_DEFAULT,
    SEVERAL: "--protocol first-block runs the first definition instead",
    NO_CODE: "check that the prompt reaches the model complete and in its own template (coma sample --template)",
    UNFINISHED: "coma sample --max-new-tokens with a larger number",
    TRUNCATED: "use a larger coma sample --max-new-tokens",
    FENCE_OPEN: "usually a truncated answer: use a larger coma sample --max-new-tokens",
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
_WRITES = re.compile(r"\bprint\(|\bstdout\b")
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
    """The cause of a verdict other than pass, in a few words; exceptions are told apart by their type.

    The extraction is suspected before the program: where `default` reads another program than the one that was run, the
    rule that makes the difference is the cause.
    """
    if verdict.runner_crash or verdict.verdict == "no-answer":
        return CRASH if verdict.runner_crash else NO_ANSWER
    source = protocol.extract(problem, sample.text, sample.whole)
    if problem.is_script:
        return _of_script(problem, sample, verdict, source)
    read = find_program(problem, sample.text)
    blamed = _of_extraction(problem, read, source) if read else None
    if blamed:
        return blamed
    if verdict.verdict in (TIMEOUT, MEMORY):
        return verdict.verdict
    tree = python_text.parse(source)
    entry = python_text.definition_of(tree, problem.entry_point) if isinstance(tree, ast.Module) else None
    stub = entry is not None and python_text.is_stub(entry)
    if entry is None or (problem.prompt_code and python_text.body_size(entry) == 0):
        if stub and sample.finish_reason != "length":
            return STUB
        return _unread(problem, sample, read, parses=isinstance(tree, ast.Module))
    if sample.finish_reason == "length" and _breaks_off_in(entry, source, sample.text):
        return TRUNCATED
    if problem.prompt_code and _only_defines(entry):
        return REPEATED if _defines(problem.entry_point, sample.text) else NO_ENTRY
    if read and "redefinition" in read.rules:
        return SEVERAL
    cause = _at_run_time(verdict.detail)
    return STUB if stub and cause in (WRONG, "exception NotImplementedError") else cause


def _of_script(problem: Problem, sample: Candidate, verdict: Verdict, source: str) -> str:
    """The cause for a program that defines no requested function, but reads and writes."""
    if verdict.verdict in (TIMEOUT, MEMORY):
        return verdict.verdict
    thinks = without_thinking(unify(sample.text)).unfinished
    if thinks or not isinstance(python_text.parse(source), ast.Module):
        cause = _unread(problem, sample, None, parses=False)
        return SYNTAX if cause == NO_CODE and _WRITES.search(sample.text) else cause
    return TRUNCATED if sample.finish_reason == "length" else _at_run_time(verdict.detail)


def _of_extraction(problem: Problem, read: FoundProgram, source: str) -> str | None:
    """The rule by which `default` reads another program than the one that was run, as a cause."""
    if source in (read.source, without_demonstration(read.source, read.tree, problem.entry_point)):
        return None
    if _holds(source, read, problem.entry_point):
        return None
    return next((cause for rule, cause in _BY_RULE if rule in read.rules), None)


def _holds(source: str, read: FoundProgram, name: str) -> bool:
    """Whether a program that was run defines the function as `default` reads it, whatever else is in it."""
    tree = python_text.parse(source)
    if not isinstance(tree, ast.Module):
        return False
    ours, theirs = (python_text.definition_of(t, name) for t in (read.tree, tree))
    if ours is None or theirs is None or ast.dump(ours) != ast.dump(theirs):
        return False
    return "other-blocks" not in read.rules


def _unread(problem: Problem, sample: Candidate, read: FoundProgram | None, *, parses: bool) -> str:
    """The cause if the program does not define the requested function."""
    text = unify(sample.text)
    if not text.strip():
        return NO_CODE
    if without_thinking(text).unfinished:
        return UNFINISHED
    if sample.finish_reason == "length":
        return TRUNCATED
    blocks = blocks_of(in_markdown(text))
    if any(not block.fence.closed for block in blocks):
        return FENCE_OPEN
    if read is not None:
        if not _defines(problem.entry_point, text) and _DEFINITION.search(text):
            return NO_ENTRY
        return FENCE_LEFT if blocks else REPEATED if _defines(problem.entry_point, text) else PROSE
    if not _looks_like_code(text, bool(blocks)):
        return NO_CODE
    others = [tree for block in blocks if isinstance(tree := python_text.parse(block.code), ast.Module)]
    entries = [python_text.definition_of(tree, problem.entry_point) for tree in others]
    if any(entry is not None and python_text.is_stub(entry) for entry in entries):
        return STUB
    return NO_ENTRY if parses or others else SYNTAX


def _defines(name: str, text: str) -> bool:
    return re.search(rf"\b(?:def\s+{re.escape(name)}\s*\(|class\s+{re.escape(name)}\b)", text) is not None


def _looks_like_code(text: str, fenced: bool) -> bool:
    return fenced or python_text.looks_like_code(text) or _STATEMENT.search(text) is not None


def _breaks_off_in(entry: ast.stmt, source: str, text: str) -> bool:
    """Whether a text ends before any other top-level line follows the requested function."""
    last = source.split("\n")[(entry.end_lineno or 1) - 1].strip()
    _, found, rest = text.rstrip().rpartition(last)
    return bool(found) and not any(line[:1].strip() for line in rest.split("\n")[1:])


def _only_defines(entry: ast.stmt) -> bool:
    """Whether a function only defines other functions: the model restarted instead of continuing."""
    body = entry.body if isinstance(entry, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
    inner = [s for s in body if isinstance(s, python_text.Definition)]
    return bool(inner) and python_text.body_size(entry) == len(inner)


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
