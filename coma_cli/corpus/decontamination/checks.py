"""Tests and examples of problems: calls with the values that they must give. Part of level 1 of decontamination.

The name of the function and the way of writing do not count: `assert f([1, 2]) == 3`, `self.assertEqual(g([1, 2]), 3)`,
`>>> f([1, 2])` with `3` on the next line and `f([1, 2]) => 3` say the same. One such pair proves little, since small
numbers meet by accident; several of one problem, or one with many values, prove that the text holds its tests.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coma_cli.corpus.decontamination.tables import Owner, Stretch, Tables, hash_of
from coma_cli.languages import parse_python
from coma_cli.records import Problem

_STRING = r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'"
_FLAT = rf"(?:[^()'\"]|{_STRING})"
_BETWEEN_TEXT = (
    r"(?:[\s,:`)#*>|]|===?|=>|=|->|[\u279e\u2192\u21d2\u27a1\u279c]|//|"
    r"\b(?:is|equals?|to|should|be|must|returns?|gives?|yields?|outputs?|results?|expected)\b|"
    r"\u7b49\u4e8e|\u8fd4\u56de|\u8f93\u51fa|\u5f97\u5230|\u4e3a|\u7ed3\u679c|\u5e94)"
)
_BETWEEN = re.compile(rf"{_BETWEEN_TEXT}*+", re.IGNORECASE)
# A call whose first argument begins like a literal, with parentheses at most two deep, before something like a literal.
_CALL = re.compile(
    rf"\w\s?\((?=\s*[-\[({{\"'\dTFN]|\s*\))(?P<given>(?:{_FLAT}|\((?:{_FLAT}|\({_FLAT}*+\))*+\)){{0,400}}+)\)"
    rf"(?={_BETWEEN_TEXT}++[-\[({{\"'\dTFN])",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|\d+(?:\.\d+)?(?:e[-+]?\d+)?|\w+|[^\w\s,]")
_SAME = str.maketrans("({)}'", '[[]]"')
_MOST_CHARS = 600  # of the arguments of a call that is looked at
_MOST_TOKENS = 300
_MAX_OWNERS = 4  # a pair in more problems of a benchmark than this proves nothing
_LONG_NUMBER, _LONG_STRING = 3, 8  # characters from which a value is not met by accident
_ALONE = 16  # weight of one pair that proves a copy by itself
_TOGETHER = {2: 7, 3: 6}  # pairs, and the weight of all of them


class Checked(NamedTuple):
    """The number of an owner, and the calls of a text that are his."""

    owner: int
    shared: str


def add_checks(tables: Tables, bench: str, problems: Sequence[Problem]) -> None:
    """Add the tests of a benchmark's problems, and the examples in their texts."""
    pairs: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Owner]] = defaultdict(list)
    for problem in problems:
        owner = Owner(bench, problem.task_id, "test")
        for given, value in dict.fromkeys((*_of_tests(problem.tests), *_of_text(problem.prompt))):
            pairs[_tokens(given), _tokens(value)].append(owner)
    for (asked, due), owners in pairs.items():
        if due and len(owners) <= _MAX_OWNERS:
            weight = min(_weight(asked) + _weight(due), 255)
            made = (Stretch(len(due), _hash(due), weight, tables.number_of(owner)) for owner in owners)
            tables.checks.setdefault(_hash(asked), []).extend(made)


def _of_tests(tests: str) -> Iterator[tuple[str, str]]:
    """The calls in assertions of equality, with their values, as they are written."""
    tree = parse_python(tests)
    for node in ast.walk(tree) if tree is not None else ():
        match node:
            case ast.Compare(left=ast.Call() as call, ops=[ast.Eq() | ast.Is()], comparators=[value]):
                yield ", ".join(ast.unparse(one) for one in call.args), ast.unparse(value)


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    """The calls in a text, each with the rest of its line, or with the next line if nothing follows on its own."""
    for call in _CALL.finditer(text):
        at = _BETWEEN.match(text, call.end())
        end = call.end() if at is None else at.end()
        value = text[end:].split("\n", 1)[0].strip()
        if value and len(value) < _MOST_CHARS:
            yield call["given"], value


def _tokens(text: str) -> tuple[str, ...]:
    """Literals without the way they are written: which brackets and quotes, upper case, commas."""
    return tuple(_TOKEN.findall(text.lower().translate(_SAME)))


def _weight(tokens: Sequence[str]) -> int:
    """How many values there are; long ones count twice."""
    values = [token for token in tokens if token[0] in '"_' or token[0].isalnum()]
    return len(values) + sum(len(value) >= (_LONG_STRING if value[0] == '"' else _LONG_NUMBER) for value in values)


def _hash(tokens: Sequence[str]) -> int:
    return hash_of("\n".join(tokens))


def checks_in(text: str, tables: Tables) -> Iterator[Checked]:
    """The problems several of whose tests, or one with many values, are in a text."""
    found: dict[int, dict[int, tuple[int, str]]] = defaultdict(dict)
    for call in _CALL.finditer(text):
        if call.end() - call.start() > _MOST_CHARS:
            continue
        key = _hash(_tokens(call["given"]))
        stretches = tables.checks.get(key)
        if stretches is None:
            continue
        following, end = _values(text, call.end())
        for one in stretches:
            if _hash(following[: one.length]) == one.hash:
                found[one.owner][key] = (one.weight, " ".join(text[call.start() + 1 : end].split()))
    for owner, pairs in found.items():
        weight = sum(weight for weight, _ in pairs.values())
        enough = _TOGETHER.get(min(len(pairs), max(_TOGETHER)), _ALONE)
        if weight >= enough:
            yield Checked(owner, "; ".join(shown for _, shown in pairs.values()))


def _values(text: str, start: int) -> tuple[tuple[str, ...], int]:
    """The tokens that follow a call, and where the line of the first one ends."""
    at = _BETWEEN.match(text, start)
    begin = start if at is None else at.end()
    line_end = text.find("\n", begin)
    tokens = _tokens(text[begin : begin + 4 * _MOST_CHARS])[:_MOST_TOKENS]
    return tokens, len(text) if line_end < 0 else line_end
