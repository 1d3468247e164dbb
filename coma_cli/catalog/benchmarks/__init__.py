"""The benchmarks that coma samples and scores, one small file each. To add one: a file, a line here, a test."""

from collections import ChainMap
from collections.abc import Mapping

from coma_cli.catalog import Catalogue
from coma_cli.catalog.benchmarks.entry import Benchmark, LoadedBenchmark, NoProblemsError
from coma_cli.catalog.benchmarks.own_names import is_own_name

BENCHMARKS: Catalogue[Benchmark] = Catalogue(
    Benchmark,
    __name__,
    {
        "humaneval": "humaneval:BENCHMARK",
        "mbpp": "mbpp:BENCHMARK",
        "mbpp-sanitized": "mbpp:SANITIZED",
        "humaneval+": "evalplus:HUMANEVAL_PLUS",
        "mbpp+": "evalplus:MBPP_PLUS",
    },
)
VALIDATION = "validation"
PROMPTS = "prompts"
_OWN_ENTRIES = {VALIDATION: "held_out:VALIDATION", PROMPTS: "prompts:ENTRY"}
_OWN: Catalogue[Benchmark] = Catalogue(Benchmark, __name__, _OWN_ENTRIES)


class _Sampled(ChainMap[str, Benchmark]):
    """Those of the catalogue, and, unlisted, each benchmark of a user's own file by the name that the file gives it."""

    def __missing__(self, name: str) -> Benchmark:
        if not is_own_name(name):
            raise KeyError(name)
        from coma_cli.catalog.benchmarks.own import benchmark_named

        return benchmark_named(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or is_own_name(name)


# What sample and score take: a user's own rows have no published file, and nothing is decontaminated against them.
SAMPLED: Mapping[str, Benchmark] = _Sampled(_OWN, BENCHMARKS)

__all__ = ["BENCHMARKS", "PROMPTS", "SAMPLED", "VALIDATION", "Benchmark", "LoadedBenchmark", "NoProblemsError"]
