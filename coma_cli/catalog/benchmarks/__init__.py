"""The benchmarks that coma samples and scores, one small file each. To add one: a file, a line here, a test."""

from collections import ChainMap
from collections.abc import Mapping
from typing import cast

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
VALIDATION = "validation"
PROMPTS = "prompts"
_OWN: Catalogue[Benchmark] = Catalogue(
    Benchmark, __name__, {VALIDATION: "held_out:VALIDATION", PROMPTS: "prompts:ENTRY"}
)
# What sample and score take: a user's own rows have no published file, and nothing is decontaminated against them.
SAMPLED: Mapping[str, Benchmark] = ChainMap(_OWN, cast("Catalogue[Benchmark]", BENCHMARKS))

__all__ = ["BENCHMARKS", "PROMPTS", "SAMPLED", "VALIDATION", "Benchmark", "LoadedBenchmark", "NoProblemsError"]
