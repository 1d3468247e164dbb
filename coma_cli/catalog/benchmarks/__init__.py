"""The benchmarks that coma samples and scores, one small file each."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.benchmarks import humaneval, mbpp
from coma_cli.catalog.benchmarks.entry import Benchmark, BenchmarkText, LoadedBenchmark

BENCHMARKS: Mapping[str, Benchmark] = index(humaneval.BENCHMARK, mbpp.BENCHMARK, mbpp.SANITIZED)

__all__ = ["BENCHMARKS", "Benchmark", "BenchmarkText", "LoadedBenchmark"]
