"""The benchmarks that coma samples and scores, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import Catalogue
from coma_cli.catalog.benchmarks.entry import Benchmark, LoadedBenchmark, NoProblemsError

BENCHMARKS: Mapping[str, Benchmark] = Catalogue(
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

__all__ = ["BENCHMARKS", "Benchmark", "LoadedBenchmark", "NoProblemsError"]
