"""From the text of a completion to the program in it: readings of the text are ranked, and the best one is taken.

A text is read as a whole, block by block, and with its blocks joined; each reading as a program that defines the
requested function, or as the rest of the prompt's own function. A later full definition replaces a draft, a
stub never replaces an implementation, and what a block needs is looked for in the others.
"""

import ast
import builtins
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from coma_cli.corpus.extraction import python_text
from coma_cli.corpus.extraction.blocks import Block, blocks_of, in_markdown
from coma_cli.corpus.extraction.markers import clean
from coma_cli.corpus.extraction.pruning import is_definition
from coma_cli.corpus.extraction.thinking import without_thinking
from coma_cli.formats.text import unify
from coma_cli.records import Problem

MAX_CHARS = 1_000_000

# What reading a completion may involve; each can be switched off, which shows what an extraction without it makes of
# a text.
Rule = Literal["thinking", "markers", "end-token", "redefinition", "other-blocks", "indentation", "fences"]
RULES: tuple[Rule, ...] = ("thinking", "markers", "end-token", "redefinition", "other-blocks", "indentation", "fences")

_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import[ \t]+(?:\([^)]*\)|[^\n(]*)[ \t]*\n?", re.MULTILINE)
_ALTERNATIVE = re.compile(
    r"\b(?:alternative(?:ly)?|variant|another|slower|naive|brute[- ]force|for comparison|worse"
    r"|less efficient|wrong|incorrect|bad|instead of|not recommended|recursive version|without)\b|其他|另一种|替代",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"\b(?:correct(?:ed|ion)?|fix(?:ed)?|improved|final|better|updated|revised|actual|proper)\b|修正|最终|改进",
    re.IGNORECASE,
)
_FOREIGN = frozenset(
    "bash sh shell console text txt output plaintext json yaml toml java c cpp c++ js javascript typescript go"  # noqa: SIM905
    " rust csharp php ruby sql html diff".split()
)


@dataclass(frozen=True)
class FoundProgram:
    """A program that defines the requested function, and the rules needed to find it."""

    source: str
    tree: ast.Module
    rules: frozenset[Rule] = frozenset()

    def used(self, *rules: Rule) -> "FoundProgram":
        """The same program with more rules."""
        return replace(self, rules=self.rules.union(rules))


def find_program(problem: Problem, text: str, off: frozenset[Rule] = frozenset()) -> FoundProgram | None:
    """The program in a completion; None if no reading defines the requested function."""
    if len(text) > MAX_CHARS:
        return None
    text, rules = answer_of(text, off)
    if not text.strip():
        return None
    program = _read(problem, text, off)
    return program.used(*rules) if program else None


def answer_of(text: str, off: frozenset[Rule] = frozenset()) -> tuple[str, set[Rule]]:
    """The answer in a text, without thinking parts, end tokens and marks around it; and the rules that this took."""
    text = unify(text)
    rules: set[Rule] = set()
    if "thinking" not in off:
        answer = without_thinking(text)
        text = answer.text
        if answer.found:
            rules.add("thinking")
    cleaned = clean(text, tokens="end-token" not in off, marks="markers" not in off)
    if cleaned.glued_token:
        rules.add("end-token")
    if cleaned.marker:
        rules.add("markers")
    return cleaned.text, rules


def _read(problem: Problem, text: str, off: frozenset[Rule]) -> FoundProgram | None:
    """The best reading of an answer."""
    reader = _ProgramReader(problem, off)
    if "fences" in off or ("```" not in text and "~~~" not in text):
        return reader.code(text)
    whole = reader.unbroken(text)
    if whole is not None:  # fences within strings or comments of a program
        return whole
    text = in_markdown(text)
    blocks = blocks_of(text)
    if not blocks:
        return reader.code(text)
    before = text[: blocks[0].fence.start]
    if _is_indented(before) and (program := reader.code(before)):
        return program.used("fences")
    if program := reader.blocks([block for block in blocks if block.fence.language not in _FOREIGN]):
        return program.used("fences")
    for rest in (before, "\n".join(block.code for block in blocks), text[blocks[-1].fence.end :]):
        if program := reader.code(rest):
            return program.used("fences")
    return None


def _chosen(
    candidates: Sequence[tuple[Block, FoundProgram]], off: frozenset[Rule]
) -> tuple[Block, FoundProgram] | None:
    """The last full definition, unless the text introduces it as an alternative to the one before."""
    if not candidates:
        return None
    chosen = candidates[0]
    for candidate in candidates[1:] if "redefinition" not in off else ():
        intro = candidate[0].intro
        if _CORRECTION.search(intro) or not _ALTERNATIVE.search(intro):
            chosen = (candidate[0], candidate[1].used("redefinition"))
    return chosen


def _is_indented(code: str) -> bool:
    return code.lstrip("\n")[:1] in (" ", "\t")


@dataclass(frozen=True)
class _ProgramReader:
    """Reads a piece of code as an answer to one problem."""

    problem: Problem
    off: frozenset[Rule]

    def unbroken(self, code: str) -> FoundProgram | None:
        """A piece of code that parses as it is, whole or behind the prompt."""
        source = self.problem.prompt_code + code if _is_indented(code) and self.problem.prompt_code else code
        tree = python_text.parse(source)
        if not isinstance(tree, ast.Module) or not self._defines(tree, source is not code):
            return None
        if source is not code:
            return FoundProgram(source, tree)
        return self._behind_prompt(self._without_stubs(source, tree))

    def code(self, code: str) -> FoundProgram | None:
        """A piece of code as a whole program or as the rest of the prompt, the likelier of the two first."""
        if not code.strip():
            return None
        ways = (self._continued, self._whole) if _is_indented(code) else (self._whole, self._continued)
        return ways[0](code) or ways[1](code)

    def blocks(self, blocks: Sequence[Block]) -> FoundProgram | None:
        """The block that answers best, with what it needs of the others.

        A block at the margin is a whole program if any block is; a helper must not be read as the function's body.
        """
        for unlikely in (False, True):
            found = [(block, self._likely(block.code, unlikely)) for block in blocks if block.code.strip()]
            chosen = _chosen([(block, program) for block, program in found if program], self.off)
            if chosen is not None:
                return self._completed(*chosen, [block.code for block in blocks])
        return None

    def _likely(self, code: str, unlikely: bool) -> FoundProgram | None:
        return self._continued(code) if _is_indented(code) != unlikely else self._whole(code)

    def _defines(self, tree: ast.Module, behind_prompt: bool = False) -> bool:
        """Whether a program defines the function with a body; behind a prompt, with more than the prompt has."""
        sizes = [python_text.body_size(s) for s in tree.body if self.problem.entry_point in python_text.bound_names(s)]
        least = self._prompt_size() if behind_prompt else 0
        return bool(sizes) and max(sizes) > least

    def _prompt_size(self) -> int:
        tree = python_text.parse(self.problem.prompt_code)
        if not isinstance(tree, ast.Module):
            return 0
        statement = python_text.definition_of(tree, self.problem.entry_point)
        return 0 if statement is None else python_text.body_size(statement)

    # A whole program.

    def _whole(self, code: str) -> FoundProgram | None:
        if self.problem.entry_point not in code:
            return None
        for number, text in enumerate(_margins(code, self.problem.entry_point)):
            source = _python_of(text)
            tree = python_text.parse(source) if source else None
            if isinstance(tree, ast.Module) and self._defines(tree):
                program = self._without_stubs(source, tree)
                return self._behind_prompt(program.used("indentation") if number else program)
            if "indentation" in self.off:
                return None
        return None

    def _without_stubs(self, source: str, tree: ast.Module) -> FoundProgram:
        """A later stub of the function must not replace its implementation."""
        defining = [s for s in tree.body if self.problem.entry_point in python_text.bound_names(s)]
        stubs = [s for s in defining if python_text.body_size(s) == 0]
        if not stubs or defining[-1] not in stubs:
            return FoundProgram(source, tree)
        source = python_text.without_statements(source, stubs, [s for s in tree.body if s not in stubs])
        return FoundProgram(source, ast.parse(source))

    def _behind_prompt(self, program: FoundProgram) -> FoundProgram:
        """A whole solution after the prompt's own imports and helpers, which it may count on; it overrides them."""
        given = self.problem.prompt_code
        prompt = python_text.parse(given)
        if not given or not isinstance(prompt, ast.Module):
            return program
        asked = [s for s in prompt.body if self.problem.entry_point in python_text.bound_names(s)]
        kept = [s for s in prompt.body if s not in asked]
        if not kept:
            return program
        prelude = python_text.without_statements(given, asked, kept).rstrip("\n")
        futures = "".join(line if line.endswith("\n") else f"{line}\n" for line in _FUTURE.findall(program.source))
        source = f"{futures}{prelude}\n\n\n{_FUTURE.sub('', program.source)}"
        tree = python_text.parse(source)
        return replace(program, source=source, tree=tree) if isinstance(tree, ast.Module) else program

    # The rest of the prompt.

    def _continued(self, code: str) -> FoundProgram | None:
        given = self.problem.prompt_code
        if not given:
            return None
        bodies = list(islice(_bodies(code, given), 1 if "indentation" in self.off else None))
        for whole in (True, False):  # a margin with which all of it parses comes before one with which a part does
            for number, body in enumerate(bodies):
                source = given + body if whole else _python_of(given + body)
                tree = python_text.parse(source) if source else None
                if isinstance(tree, ast.Module) and self._goes_on(tree):
                    program = self._up_to_second(source, tree)
                    return program.used("indentation") if number else program
        return None

    def _goes_on(self, tree: ast.Module) -> bool:
        """Whether the prompt's own function has got a body, and one that does more than define helpers."""
        first = next((s for s in tree.body if self.problem.entry_point in python_text.bound_names(s)), None)
        if first is None or python_text.body_size(first) <= self._prompt_size():
            return False
        body = first.body if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef)) else [first]
        return any(not is_definition(s) and not python_text.is_placeholder(s) for s in body)

    def _up_to_second(self, source: str, tree: ast.Module) -> FoundProgram:
        """A continuation ends where the model begins the same function again."""
        name = self.problem.entry_point
        again = [s for s in tree.body if isinstance(s, python_text.Definition) and s.name == name][1:]
        if not again:
            return FoundProgram(source, tree)
        source = "\n".join(source.split("\n")[: python_text.lines_of(again[0])[0] - 1]) + "\n"
        return FoundProgram(source, ast.parse(source))

    # What other blocks hold.

    def _completed(self, block: Block, program: FoundProgram, others: Sequence[str]) -> FoundProgram:
        """A program with what it lacks from the other blocks: helpers, imports, constants, nearest first."""
        if "other-blocks" in self.off:
            return program
        pool = [text for text in others if text is not block.code]
        if not pool:
            return program
        library = _library(pool, self.problem.entry_point)
        added: list[str] = []
        lacking = _unresolved(program.source, program.tree)
        while names := [name for name in lacking if name in library]:
            pieces = dict.fromkeys(library[name] for name in names)
            added = [*(piece for piece in pieces if piece not in added), *added]
            source = "".join(added) + program.source
            parsed = python_text.parse(source)
            if not isinstance(parsed, ast.Module):
                return program
            before, lacking = lacking, _unresolved(source, parsed)
            if lacking == before:
                break
        if not added:
            return program
        futures = "".join(line if line.endswith("\n") else f"{line}\n" for line in _FUTURE.findall(program.source))
        source = futures + "".join(added) + _FUTURE.sub("", program.source)
        parsed = python_text.parse(source)
        return (
            FoundProgram(source, parsed, program.rules).used("other-blocks")
            if isinstance(parsed, ast.Module)
            else program
        )


def _library(texts: Sequence[str], asked: str) -> dict[str, str]:
    """The top-level statements of other blocks by the names that they define; the last one of a name counts."""
    library: dict[str, str] = {}
    for text in texts:
        for piece in python_text.python_statements(textwrap.dedent(text)):
            tree = python_text.parse(piece)
            for statement in tree.body if isinstance(tree, ast.Module) else ():
                for name in python_text.bound_names(statement) - {asked}:
                    library[name] = piece if piece.endswith("\n") else f"{piece}\n"
    return library


def _unresolved(source: str, tree: ast.Module) -> list[str]:
    """Names of the module's scope that a program reads and nothing binds, in order of the alphabet."""
    bound = set().union(*map(python_text.bound_names, tree.body)) if tree.body else set()
    if any(isinstance(s, ast.ImportFrom) and any(a.name == "*" for a in s.names) for s in tree.body):
        return []
    read = set().union(*python_text.global_reads(source).values())
    for statement in tree.body:
        read |= (
            python_text.outer_reads(statement)
            if isinstance(statement, python_text.Definition)
            else python_text.used_names(statement)
        )
    return sorted(name for name in read - bound if not hasattr(builtins, name))


def _python_of(text: str) -> str:
    """The Python in a text: the text itself, or those of its top-level statements that parse and say something."""
    tree = python_text.parse(text)
    if isinstance(tree, ast.Module):
        return text
    return "".join(piece if piece.endswith("\n") else f"{piece}\n" for piece in python_text.python_statements(text))


def _margins(code: str, name: str) -> Iterator[str]:
    """A text as it is; without quotes or backticks around it; without a margin before its code."""
    yield code
    stripped = code.strip()
    for mark in ("`", "'", '"'):
        if len(stripped) > 2 and stripped[0] == mark and stripped[-1] == mark:
            yield stripped.strip(mark).strip() + "\n"
    first = re.search(rf"^[ \t]+(?=(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b)", code, re.MULTILINE)
    if first is None:
        return
    margin = first[0]
    start = first.start()
    lines = code[:start].split("\n")[:-1]
    while lines and (lines[-1].startswith(margin) or not lines[-1].strip()):
        start -= len(lines.pop()) + 1
    body: list[str] = []
    for line in code[start:].split("\n"):
        if line.strip() and not line.startswith(margin):
            break
        body.append(line.removeprefix(margin))
    yield "\n".join(body) + "\n"


def _bodies(code: str, given: str) -> Iterator[str]:
    """The code as the rest of a function: as it is, then with its margin changed to the prompt's in likely ways."""
    margin = _margin_of(given)
    glue = "" if given.endswith("\n") or code.startswith("\n") else "\n"
    yield glue + code
    lines = code.strip("\n").split("\n")
    inner = _lines_within_strings(code.strip("\n"))
    at = [number for number, line in enumerate(lines) if line.strip() and number not in inner]
    if not at:
        return
    first, widths = at[0], [_width(lines[number]) for number in at]
    for whole in dict.fromkeys((min(widths), widths[0])):
        shifted = [
            line if number in inner or not line.strip() else _shifted(line, whole, margin)
            for number, line in enumerate(lines)
        ]
        yield glue + "\n".join(shifted) + "\n"
    # Only the first line lost, or got, some of its margin.
    yield glue + "\n".join([*lines[:first], margin + lines[first].lstrip(), *lines[first + 1 :]]) + "\n"


def _shifted(line: str, old: int, margin: str) -> str:
    width = _width(line)
    return margin + " " * max(0, width - old) + line.lstrip() if width >= old else line


def _width(line: str) -> int:
    head = line[: len(line) - len(line.lstrip())]
    return len(head.expandtabs(4))


def _lines_within_strings(code: str) -> set[int]:
    """The numbers of lines that begin within a string."""
    inside: set[int] = set()
    line = place = 0
    for start, end in python_text.layout(code).strings:
        line += code.count("\n", place, start)
        height = code.count("\n", start, end)
        inside.update(range(line + 1, line + 1 + height))
        line, place = line + height, end
    return inside


def _margin_of(given: str) -> str:
    """How the prompt's function indents its body."""
    indented = [line for line in given.split("\n") if line[:1] in (" ", "\t") and line.strip()]
    return indented[0][: len(indented[0]) - len(indented[0].lstrip())] if indented else "    "
