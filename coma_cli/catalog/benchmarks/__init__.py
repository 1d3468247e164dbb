"""The benchmarks that coma samples and scores, one small file each."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.benchmarks import evalplus, humaneval, mbpp
from coma_cli.catalog.benchmarks.entry import Benchmark, LoadedBenchmark

BENCHMARKS: Mapping[str, Benchmark] = index(
    humaneval.BENCHMARK, mbpp.BENCHMARK, mbpp.SANITIZED, evalplus.HUMANEVAL_PLUS, evalplus.MBPP_PLUS
)
# HumanEval+ and MBPP+ share the problems of HumanEval and MBPP, some with other solutions, and MBPP+ has some of MBPP's
# train split. Training data is decontaminated against them if their files are given, and always against these.
DISTINCT_BENCHMARKS: Mapping[str, Benchmark] = {
    name: benchmark for name, benchmark in BENCHMARKS.items() if not benchmark.same_problems_as
}

__all__ = ["BENCHMARKS", "DISTINCT_BENCHMARKS", "Benchmark", "LoadedBenchmark"]
