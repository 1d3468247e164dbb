"""The benchmarks that coma samples and scores, one small file each."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.benchmarks import evalplus, humaneval, mbpp
from coma_cli.catalog.benchmarks.entry import Benchmark, LoadedBenchmark

BENCHMARKS: Mapping[str, Benchmark] = index(
    humaneval.BENCHMARK, mbpp.BENCHMARK, mbpp.SANITIZED, evalplus.HUMANEVAL_PLUS, evalplus.MBPP_PLUS
)
# HumanEval+ and MBPP+ have problems of HumanEval and MBPP, in part with solutions of their own, and MBPP+ has some of
# MBPP's train split. Training data is kept clear of them where their files are given, and of these in any case.
DISTINCT_BENCHMARKS: Mapping[str, Benchmark] = {
    name: benchmark for name, benchmark in BENCHMARKS.items() if not benchmark.same_problems_as
}

__all__ = ["BENCHMARKS", "DISTINCT_BENCHMARKS", "Benchmark", "LoadedBenchmark"]
