"""HumanEval+ and MBPP+: the problems of HumanEval and MBPP with about 80 and 35 times as many inputs.

A worked example, HumanEval/2 of HumanEval+: `truncate_number` is called with the three base inputs `[3.5]`, `[1.33]`
and `[123.456]` and with several hundred plus inputs, and each answer is compared with the reference's with a tolerance
(`atol`) of 1e-6. The files contain no expected answers: the reference is run to get them.

Supported files are the releases `HumanEvalPlus` and `MbppPlus`, plain or gzip, whole or `-Mini`. If the `-OriginFmt`
file is in the same folder, its tests, which contain answers, are run against the reference too.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from coma_cli.catalog.benchmarks import evalplus_check, humaneval, humaneval_protocols, mbpp, mbpp_protocols
from coma_cli.catalog.benchmarks.entry import Benchmark, HubTask, Overlap, RawBenchmark
from coma_cli.catalog.benchmarks.evalplus_inputs import mbpp_arguments
from coma_cli.catalog.benchmarks.fetched import fetched_file
from coma_cli.catalog.benchmarks.protocols import SamplingProtocol
from coma_cli.formats.fetching.locations import GitHubFiles, RemoteFile
from coma_cli.formats.published import read_published
from coma_cli.formats.text import unix_lines
from coma_cli.records import InputSets, Problem
from coma_cli.syntax.literals import literal

PLUS_CPU_LIMIT_S = 60.0  # evalplus 0.3.1, `eval/__init__.py`: a task has 60 s at most
PLUS_MEMORY_MB = 4096  # evalplus 0.3.1, `eval/__init__.py`: query_maximum_memory_bytes
# Found by scoring EvalPlus's samples of StarCoder2-15B-Instruct-v0.1 (2024-04) and by the history of evalplus.
_EXACT_FLOATS = (
    "EvalPlus before 0.3.0 failed every float answer that differed from the reference's at all: numpy.testing could "
    "not be imported where programs ran (evalplus pull request 165, 2024-04-17). Now a tolerance holds, here as there."
)
MBPP_NOTES = {
    "Mbpp/14": _EXACT_FLOATS,
    "Mbpp/255": (
        "The likely cause where a right answer failed: the answer to one input has 1.7 million tuples of 77 items, "
        "more than a gigabyte, and EvalPlus holds it and the expected one in one process of at most 4 GiB, with a "
        "limit on the time of each input."
    ),
    "Mbpp/276": _EXACT_FLOATS,
    "Mbpp/312": _EXACT_FLOATS,
    "Mbpp/392": (
        "EvalPlus limits the time of each input (1 s, or 4 times the reference's), coma the CPU time of all of them "
        "together: a right answer that takes long for one input (1,000,000 without a table of earlier results takes "
        "half a minute) can pass here and fail there, and is a timeout in both on a slow processor."
    ),
}
HUMANEVAL_NOTES = {
    "HumanEval/32": (
        "EvalPlus before 0.3.0 held an approximate root against the reference's too, or failed it with an error "
        "(evalplus 832b832 of 2024-03-26 and 899b2b3 of 2024-05-14). Now any root within the tolerance is right, here "
        "as there."
    ),
}
_ORIGIN = "coma_published_test"  # the key for the tests from the OriginFmt file
# Tests in the OriginFmt files that no solution can pass: this one unpacks its argument, which is a float.
_BROKEN_TESTS = frozenset({"HumanEval/32"})
_ASSERTION_IMPORTS = "import math\nimport sys\n"  # MBPP's published assertions rely on them; sys is in Mbpp/596


@dataclass(frozen=True)
class Release:
    """The file names and the location of one of the two releases."""

    bench: str
    stem: str
    override: str
    repository: str
    tag: str

    @property
    def url(self) -> str:
        """The page of the repository."""
        return f"https://github.com/{self.repository}"

    @property
    def names(self) -> tuple[str, ...]:
        """Globs, with the whole file before the Mini one; not the OriginFmt file, which has another format."""
        kinds = ("", "-v*", "-Mini", "-Mini-v*", "-NoExtreme*")
        return tuple(
            f"{folder}{self.stem}{kind}.jsonl{end}"
            for kind in kinds
            for folder in ("", "evalplus/")
            for end in ("", ".gz")
        )

    @property
    def location(self) -> GitHubFiles:
        """Where its file is published."""
        return GitHubFiles(self.repository, self.tag, (RemoteFile(f"{self.stem}.jsonl.gz"),), kind="release")

    def read(self, bench_data: Path | None) -> RawBenchmark:
        """The rows of the given file or folder, else of evalplus' own cache, else of the release, which is fetched."""
        given = bench_data or self._kept()
        if given is None:
            fetched, place = fetched_file(self.bench, self.location, f"{self.stem}.jsonl.gz", f"{self.url}/releases")
            return RawBenchmark(read_published(fetched, ())[1], place)
        path, rows = read_published(given, self.names)
        origin = self._origin(path)
        if origin is None:
            return RawBenchmark(rows, str(path))
        tests = {_number(row["task_id"]): row.get("test", "") for row in read_published(origin, ())[1]}
        return RawBenchmark(
            tuple({**row, _ORIGIN: tests.get(_number(row.get("task_id")), "")} for row in rows),
            f"{path} with {origin.name}",
        )

    def _kept(self) -> Path | None:
        """The file that evalplus is configured to use, or the latest in its cache; None where there is none."""
        if named := os.environ.get(self.override):
            return Path(named)
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalplus"
        fetched = sorted(folder.glob(f"{self.stem}-v*.jsonl")) if folder.is_dir() else []
        return fetched[-1] if fetched else None

    def _origin(self, path: Path) -> Path | None:
        return next((hit for hit in sorted(path.parent.glob(f"{self.stem}-OriginFmt*.jsonl*"))), None)


def _number(task_id: Any) -> str:
    return str(task_id).rpartition("/")[2]


def humaneval_problem(row: Mapping[str, Any]) -> Problem:
    """A row of HumanEvalPlus as a record."""
    prompt, entry_point = unix_lines(row["prompt"]), str(row["entry_point"])
    names = ("test",) if row["task_id"] in _BROKEN_TESTS else ("test", _ORIGIN)
    own = [unix_lines(row[name]) for name in names if row.get(name)]
    return _problem(
        row,
        bench="humaneval+",
        prompt=prompt,
        prompt_code=prompt,
        instruction=humaneval.INSTRUCTION.format(prompt=prompt.strip()),
        oracle=evalplus_check.HUMANEVAL_ORACLES.get(entry_point, ""),
        inputs=(_listed(row["base_input"]), _listed(row["plus_input"])),
        published=[f"{test.strip()}\n\ncheck({entry_point})\n" for test in own],
        base_cpu_limit_s=humaneval.CPU_LIMIT_S,
    )


def mbpp_problem(row: Mapping[str, Any]) -> Problem:
    """A row of MbppPlus as a record; its inputs get back the types that they lost in JSON."""
    prompt, entry_point, number = unix_lines(row["prompt"]), str(row["entry_point"]), int(_number(row["task_id"]))
    text, _, asserts = prompt.strip().strip('"').strip().partition("\nassert")
    problem = _problem(
        row,
        bench="mbpp+",
        prompt=prompt,
        prompt_code="",
        instruction=mbpp.INSTRUCTION.format(text=text.strip(), asserts=f"assert{asserts}".strip()),
        oracle=evalplus_check.MBPP_ORACLES.get(entry_point, ""),
        inputs=[
            [mbpp_arguments(number, given) for given in _listed(row[name])] for name in ("base_input", "plus_input")
        ],
        published=[_ASSERTION_IMPORTS + unix_lines(row[name]) for name in ("assertion", _ORIGIN) if row.get(name)],
        base_cpu_limit_s=mbpp.CPU_LIMIT_S,
    )
    published = tuple(re.split(r"\n(?=assert\b)", f"assert{asserts}".strip()))
    return problem.model_copy(update={"description": text.strip(), "assertions": published})


def _listed(value: Any) -> list[Any]:
    """The calls of one set; an empty set is published as an empty object."""
    if value == {}:
        return []
    if not isinstance(value, list) or not all(isinstance(arguments, list) for arguments in value):
        raise ValueError("its inputs are not a list of argument lists")
    return value


def _problem(
    row: Mapping[str, Any],
    *,
    bench: str,
    prompt: str,
    prompt_code: str,
    instruction: str,
    oracle: str,
    inputs: Iterable[list[Any]],
    published: list[str],
    base_cpu_limit_s: float,
) -> Problem:
    entry_point = str(row["entry_point"])
    base, plus = inputs
    return Problem(
        task_id=str(row["task_id"]),
        bench=bench,
        prompt=prompt,
        instruction=instruction,
        prompt_code=prompt_code,
        entry_point=entry_point,
        entry_points=(entry_point,),
        tests=evalplus_check.check_source(entry_point, float(row["atol"]), oracle),
        reference=prompt + unix_lines(row["canonical_solution"]),
        cpu_limit_s=PLUS_CPU_LIMIT_S,
        input_sets=InputSets(
            base=literal(base),
            plus=literal(plus),
            base_count=len(base),
            plus_count=len(plus),
            base_cpu_limit_s=base_cpu_limit_s,
            only_whether=oracle == "whether",
            published_tests=tuple(published),
        ),
    )


_NONE: Mapping[str, str] = MappingProxyType({})


def _benchmark(
    release: Release,
    size: int,
    id_prefix: str,
    problem: Callable[[Mapping[str, Any]], Problem],
    revision: str,
    notes: Mapping[str, str],
    protocols: tuple[SamplingProtocol, ...],
    overlap: Overlap | None = None,
    inproc: Mapping[str, str] = _NONE,
) -> Benchmark:
    return Benchmark(
        name=release.bench,
        size=size,
        cpu_limit_s=PLUS_CPU_LIMIT_S,
        id_prefix=id_prefix,
        url=release.url,
        licence="Apache-2.0",
        paper="Liu et al. 2023, Is Your Code Generated by ChatGPT Really Correct? (arXiv:2305.01210)",
        files=release.names,
        folder="evalplus",
        read=release.read,
        comes_from="github",
        problem=problem,
        revision=revision,
        same_problems_as=release.bench.removesuffix("+"),
        overlap=overlap,
        memory_mb=PLUS_MEMORY_MB,
        notes=notes,
        protocols=protocols,
        inproc=inproc,
        on_hub=HubTask(f"evalplus/{release.stem.lower()}", "default"),
    )


HUMANEVAL_RELEASE = Release(
    "humaneval+", "HumanEvalPlus", "HUMANEVAL_OVERRIDE_PATH", "evalplus/humanevalplus_release", "v0.1.10"
)
MBPP_RELEASE = Release("mbpp+", "MbppPlus", "MBPP_OVERRIDE_PATH", "evalplus/mbppplus_release", "v0.2.0")
HUMANEVAL_PLUS = _benchmark(
    HUMANEVAL_RELEASE,
    164,
    "HumanEval",
    humaneval_problem,
    "v0.1.10",
    HUMANEVAL_NOTES,
    humaneval_protocols.PROTOCOLS,
)
MBPP_PLUS = _benchmark(
    MBPP_RELEASE,
    378,
    "Mbpp",
    mbpp_problem,
    "v0.2.0; earlier releases had 399 tasks",
    MBPP_NOTES,
    mbpp_protocols.PROTOCOLS,
    Overlap("mbpp", "MBPP+ asks some problems of MBPP's training split"),
    {"Mbpp/255": "its answers are lists of millions of tuples, more than crosses to another process"},
)
