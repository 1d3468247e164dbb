"""A file of one's own as a benchmark: rows of tests, of inputs with their outputs, or of references with a metric.

Worked examples, one for each form:

    {"task_id": "text/1", "prompt": "Write last(text), its last word.", "tests": "assert last('a b') == 'b'"}
    {"task_id": "sum/1", "prompt": "Read two numbers and print their sum.", "io": [{"stdin": "2 3", "stdout": "5"}]}
    {"task_id": "sql/1", "prompt": "Select all names.", "reference": "SELECT name FROM t", "metric": "exact-match"}

A form is recognized by its own field. Rows of the first two give a pass@k and may be in one file; rows with a metric
are compared with their reference, so they have a file of their own. Rows of LiveCodeBench and CodeContests are of the
second form (`own_cases.py`).
"""

import ast
import builtins
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from coma_cli.catalog.benchmarks import own_calls
from coma_cli.catalog.benchmarks.entry import Benchmark, RawBenchmark
from coma_cli.catalog.benchmarks.held_out import metric_problem
from coma_cli.catalog.benchmarks.own_cases import RUN, SETUP, Case, cases_of, has_cases
from coma_cli.catalog.benchmarks.own_names import row_files
from coma_cli.catalog.benchmarks.protocols import common_protocols
from coma_cli.errors import MissingInputError
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import whole_rows
from coma_cli.formats.text import optional_text, unix_lines
from coma_cli.languages import parse_python
from coma_cli.records import Problem
from coma_cli.syntax.used_names import defined_names, names_used

Form = Literal["tests", "io", "metric"]
FUNCTION_CPU_S = 3.0  # as for HumanEval
SCRIPT_CPU_S = 10.0  # for all inputs of a row together; contests give 1 to 5 s for each
_IN_WORDS: Mapping[Form, str] = {"tests": "tests", "io": "inputs with outputs", "metric": "a metric"}
_CPU_S, _MEMORY_MB = (0.05, 86_400.0), (32, 1_048_576)  # what the sandbox takes
_QUESTIONS = ("prompt", "question_content", "content")  # one's own, LiveCodeBench, CodeContests
_IDS = ("task_id", "question_id", "id")
_AS_TEXT = '"""\n{prompt}\n"""\n'
_CHECK = "check"  # the function in which HumanEval's tests are; it takes the program's function


def form_of(row: Mapping[str, Any]) -> Form:
    """The form of a row.

    Raises:
        ValueError: it has the field of none, or of several.
    """
    found: list[Form] = []
    if "tests" in row:
        found.append("tests")
    if has_cases(row):
        found.append("io")
    if "metric" in row:
        found.append("metric")
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"it has {' and '.join(_IN_WORDS[form] for form in found)}: give one of them")
    raise ValueError(f"no field 'tests', 'io' or 'metric' (it has {', '.join(sorted(map(str, row))) or 'nothing'})")


def problem_of(bench: str, row: Mapping[str, Any]) -> Problem:
    """A row of any form as a record of the benchmark of that name."""
    form = form_of(row)
    if form == "metric":
        return metric_problem(row, bench)
    prompt = unix_lines(_text(row, *_QUESTIONS))
    reference = unix_lines(optional_text(row.get("reference")) or "")
    common = {
        "task_id": str(row[_first(row, *_IDS)]),
        "bench": bench,
        "instruction": optional_text(row.get("instruction")) or prompt,
        "reference": reference,
        "memory_mb": _number(row, "memory_mb", _MEMORY_MB, int),
    }
    cpu_s = _number(row, "cpu_limit_s", _CPU_S, float)
    if form == "io":
        return _with_cases(row, common, prompt, cpu_s or SCRIPT_CPU_S)
    setup, tests = unix_lines(optional_text(row.get("setup")) or ""), _tests(row["tests"])
    tests, names = _with_names(setup, tests, optional_text(row.get("entry_point")) or "", reference)
    is_code = _begins(prompt, names[0])
    return Problem(
        **common,
        prompt=prompt if is_code else _AS_TEXT.format(prompt=prompt.strip()),
        prompt_code=prompt if is_code else "",
        entry_point=names[0],
        entry_points=names,
        setup=f"{setup.rstrip()}\n" if setup.strip() else "",
        tests=tests,
        cpu_limit_s=cpu_s or FUNCTION_CPU_S,
    )


def _with_cases(row: Mapping[str, Any], common: Mapping[str, Any], prompt: str, cpu_s: float) -> Problem:
    """A row of test cases: a whole program that reads and writes, or a class whose method is called."""
    cases = cases_of(row)
    tests = "".join(case.assertion for case in cases)
    if isinstance(cases[0], Case):
        return Problem(
            **common,
            prompt=_AS_TEXT.format(prompt=prompt.strip()),
            entry_point=RUN,
            entry_points=(RUN,),
            setup=SETUP,
            tests=tests,
            is_script=True,
            cpu_limit_s=cpu_s,
        )
    asked = own_calls.instruction_of(common["instruction"], own_calls.starter_code(row))
    return Problem(
        **{**common, "instruction": asked},
        prompt=_AS_TEXT.format(prompt=own_calls.instruction_of(prompt, own_calls.starter_code(row)).strip()),
        entry_point=own_calls.CLASS,
        entry_points=(own_calls.CALL,),
        method=own_calls.method_of(row),
        setup=own_calls.SETUP,
        tests=tests,
        cpu_limit_s=cpu_s,
    )


def _first(row: Mapping[str, Any], *names: str) -> str:
    """The first of the names that the row has; the first of all, which is then missing, if it has none."""
    return next((name for name in names if row.get(name) is not None), names[0])


def _text(row: Mapping[str, Any], *names: str) -> str:
    name = _first(row, *names)
    if not isinstance(row[name], str) or not row[name].strip():
        raise ValueError(f"{name} must be a text that is not empty")
    return str(row[name])


def _number(row: Mapping[str, Any], name: str, limits: tuple[float, float], kind: type[float]) -> Any:
    """A number of a row within limits; None where it is not given."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not limits[0] <= value <= limits[1]:
        raise ValueError(f"{name} must be a number from {limits[0]:g} to {limits[1]:g}")
    return kind(value)


def _tests(value: Any) -> str:
    """Tests as one text; assertions may be given as a list."""
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError("tests must be a text, or a list of texts")
    text = unix_lines("\n".join(line.rstrip() for line in lines)).strip()
    if not text:
        raise ValueError("tests is empty")
    return f"{text}\n"


def _with_names(setup: str, tests: str, given: str, reference: str) -> tuple[str, tuple[str, ...]]:
    """The tests, and the names of the program that they call, that of the entry point first.

    Tests that only define `check(candidate)`, as HumanEval's do, get the call of it.
    """
    tree = _parsed("tests", f"{setup}\n{tests}")
    if _CHECK in defined_names(tree) and not any(map(_calls_check, tree.body)):
        if not given:
            raise ValueError(
                f"no field 'entry_point', and tests define {_CHECK}(candidate): which function is it given?"
            )
        tests = f"{tests}\n{_CHECK}({given})\n"
        tree = _parsed("tests", f"{setup}\n{tests}")
    if reference:
        _parsed("reference", reference)
        names = names_used(reference, tests) if not given else None
        used = names.used if names else _unbound(tree)
        first = names.entry_point if names else given
    else:
        used = _unbound(tree)
        first = given or next(iter(_in_assertions(tree, used)), next(iter(used), ""))
    if not first or not any(isinstance(node, ast.Name) and node.id == first for node in ast.walk(tree)):
        raise ValueError(f"the tests don't use the entry point {first}" if first else "the tests call no function")
    return tests, (first, *(name for name in used if name != first))


def _parsed(what: str, text: str) -> ast.Module:
    tree = parse_python(text)
    if tree is None:
        raise ValueError(f"{what} is not Python")
    return tree


def _calls_check(statement: ast.stmt) -> bool:
    return not isinstance(statement, (ast.FunctionDef, ast.ClassDef)) and any(
        isinstance(node, ast.Name) and node.id == _CHECK for node in ast.walk(statement)
    )


def _unbound(tree: ast.Module) -> tuple[str, ...]:
    """Functions that tests call and nothing in them defines, in the order of the text."""
    bound = set(_bound(tree)) | set(vars(builtins))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    calls.sort(key=lambda name: (name.lineno, name.col_offset))
    return tuple(dict.fromkeys(name.id for name in calls if name.id not in bound))


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _in_assertions(tree: ast.Module, used: tuple[str, ...]) -> Iterator[str]:
    """Those of the names that a top-level assertion calls."""
    for statement in tree.body:
        if isinstance(statement, ast.Assert):
            called = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
            yield from (name for name in used if name in called)


def _begins(prompt: str, name: str) -> bool:
    """Whether a prompt is code that ends within the function, so that a completion can continue it."""
    tree = parse_python(prompt) or parse_python(f"{prompt.rstrip()}\n    pass\n")
    last = tree.body[-1] if tree and tree.body else None
    if not isinstance(last, (ast.FunctionDef, ast.AsyncFunctionDef)) or last.name != name:
        return False
    return all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)) for s in last.body
    )


def read(bench_data: Path | None) -> RawBenchmark:
    """The rows of a file, or of all files of rows in a folder, in one form or in the first two.

    Raises:
        MissingInputError: no file is given, one can't be read, a row is of no form, or some have a metric and some not.
    """
    if bench_data is None:
        raise MissingInputError("The rows of this benchmark are in a file of your own.", "Name it: --bench FILE")
    rows = tuple(row for file in row_files(bench_data) for _, row in whole_rows(one_file(file)))
    _require_one_measure(rows, str(bench_data))
    return RawBenchmark(rows, str(bench_data))


def _require_one_measure(rows: tuple[Mapping[str, Any], ...], source: str) -> None:
    first: dict[bool, int] = {}
    for number, row in enumerate(rows, start=1):
        try:
            first.setdefault(form_of(row) == "metric", number)
        except ValueError as error:
            raise MissingInputError(f"{source}, row {number}: {error}.", _HINT) from None
    if len(first) > 1:
        raise MissingInputError(
            f"{source}: row {first[True]} has a metric and row {first[False]} has tests or inputs with outputs.",
            "Give each kind a file of its own: one is compared with references, the other is run.",
        )


_HINT = "See the forms of rows in docs/scoring.md, under benchmarks of your own."


def benchmark_named(name: str) -> Benchmark:
    """The entry of one's own benchmark; its rows are in the file that is given with it."""
    return Benchmark(
        name=name,
        size=0,
        cpu_limit_s=FUNCTION_CPU_S,
        id_prefix="",
        url="docs/scoring.md",
        licence="that of the rows",
        paper="",
        files=(),
        folder="",
        read=read,
        problem=partial(problem_of, name),
        protocols=common_protocols(()),
        data_hint=_HINT,
    )
