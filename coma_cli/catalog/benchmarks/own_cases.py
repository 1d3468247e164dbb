r"""Test cases of programs that read standard input and write standard output, as contests publish them.

A worked example: `{"stdin": "2 3\n", "stdout": "5\n"}` becomes `assert _coma_output(_coma_run('2 3\n')) ==
_coma_output('5\n')`, where `_coma_run` runs the program and `_coma_output` removes the whitespace that does not count.

Outputs are compared line by line, and within a line word by word: how much whitespace separates two words, whitespace
at the ends of a line, and empty lines at the end do not count, everything else does. That is the rule of the checker
`lcmp` of testlib, the library of Codeforces (MikeMirzayanov/testlib, `checkers/lcmp.cpp`).

Three forms are read: `io` of one's own rows; `public_test_cases` and `private_test_cases` of LiveCodeBench
(livecodebench/code_generation_lite), JSON texts, the private ones also as a compressed pickle of one; and `test` of
CodeContests as lists of `{"input": {"stdin"}, "output": {"stdout"}}`. Cases of LiveCodeBench that call a method are
read by `own_calls.py`.
"""

import base64
import binascii
import io
import json
import pickle
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from coma_cli.catalog.benchmarks.own_calls import FUNCTIONAL, MethodCall, call_of

RUN = "_coma_run"
_MOST_UNPACKED = 256 << 20  # bytes; the largest private test cases of LiveCodeBench take some 100 MB

SETUP = """def _coma_output(text):
    lines = [" ".join(line.split()) for line in text.split("\\n")]
    while lines and not lines[-1]:
        lines.pop()
    return "\\n".join(lines)


"""
_ASSERTION = f"assert _coma_output({RUN}({{stdin}})) == _coma_output({{stdout}})\n"
_FIELDS = ("io", "public_test_cases", "test")


class Case(NamedTuple):
    """What a program reads, and what it has to write."""

    stdin: str
    stdout: str

    @property
    def assertion(self) -> str:
        """The test, in which `RUN` is the program."""
        return _ASSERTION.format(stdin=ascii(self.stdin), stdout=ascii(self.stdout))


def has_cases(row: Mapping[str, Any]) -> bool:
    """Whether a row has test cases of any of the three forms, maybe broken ones."""
    return any(name in row for name in _FIELDS[:2]) or _is_of_code_contests(row.get("test"))


def _is_of_code_contests(value: Any) -> bool:
    text = value.lstrip() if isinstance(value, str) else ""
    return isinstance(value, list) or (text.startswith("[") and '"stdin"' in text)


def cases_of(row: Mapping[str, Any]) -> tuple[Case, ...] | tuple[MethodCall, ...]:
    """The test cases of a row: inputs with outputs, or calls of a method (`testtype` functional).

    Raises:
        ValueError: there are none, one is broken, or some are of another kind; the message names it.
    """
    name = next(name for name in _FIELDS if name in row)
    given = _listed(name, row[name])
    if name == "public_test_cases":
        given += _listed("private_test_cases", row.get("private_test_cases") or [])
    placed = [(f"{name}, case {number}", one) for number, one in enumerate(given, start=1)]
    if not placed:
        raise ValueError(f"{name} has no test case")
    if any(_calls_a_method(one) for _, one in placed):
        return tuple(dict.fromkeys(_call(place, one) for place, one in placed))
    return tuple(dict.fromkeys(_case(place, one) for place, one in placed))


def _calls_a_method(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("testtype") == FUNCTIONAL


def _listed(name: str, value: Any) -> list[Any]:
    """A list, or the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            value = _unpacked(name, value)
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list of test cases")
    return value


def _unpacked(name: str, text: str) -> Any:
    """The list in a text as LiveCodeBench packs it: base64 of zlib of a pickled JSON text."""
    try:
        unpacker = zlib.decompressobj()
        packed = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_UNPACKED)
        if unpacker.unconsumed_tail:
            raise ValueError(f"{name} unpacks to more than {_MOST_UNPACKED >> 20} MiB")
        return json.loads(_TextOnly(io.BytesIO(packed)).load())
    except (binascii.Error, zlib.error, pickle.UnpicklingError, EOFError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{name} is neither JSON nor packed as LiveCodeBench packs it ({error})") from None


class _TextOnly(pickle.Unpickler):
    """Reads built-in values only, so that nothing in a file is executed."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}, and only a text is expected")


def _case(place: str, value: Any) -> Case:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} is not an object")
    if value.get("testtype", "stdin") != "stdin":
        raise ValueError(f"{place} has the testtype {str(value['testtype'])[:20]!r}, not stdin or {FUNCTIONAL}")
    return Case(_text(place, value, "stdin", "input"), _text(place, value, "stdout", "output"))


def _call(place: str, value: Any) -> MethodCall:
    if not _calls_a_method(value):
        raise ValueError(f"{place} reads standard input and another one calls a method: give each kind its own row")
    return call_of(place, _text(place, value, "stdin", "input"), _text(place, value, "stdout", "output"))


def _text(place: str, value: Mapping[str, Any], own: str, other: str) -> str:
    """The text of one's own field, of the other name for it, or of one's own field within the other."""
    text = value.get(own, value.get(other))
    if isinstance(text, Mapping):
        text = text.get(own)
    if text is None:
        raise ValueError(f"{place} has no field {own!r}")
    if not isinstance(text, str):
        raise ValueError(f"{place}: {own} must be a string")
    return text
