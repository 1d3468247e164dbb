"""HumanEval and MBPP planted among a source's rows, as they are and in disguise: the whole command removes them.

`corpus/test_solutions` does the same with every problem; here it is a sixth of them, from the file to the outputs.
"""

import json

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from tests.catalog.sources.forms import put
from tests.corpus.planting import reindented, renamed, with_other_comments
from tests.dataset.builds import all_rows, build, rows_of
from tests.requirements import shared_data

CHANGES = {"verbatim": str, "renamed": renamed, "re-indented": reindented, "reworded": with_other_comments}


def question(problem):
    return problem.prompt if problem.prompt_code else problem.instruction.split("\n\n")[0]


@pytest.mark.slow
def test_no_planted_row_comes_through_and_the_others_do(tmp_path):
    folder = shared_data()
    problems = [p for name in ("humaneval", "mbpp") for p in BENCHMARKS[name].load(folder).problems[::6]]
    planted = [
        {"instruction": question(problem) if name == "renamed" else "Do it.", "output": change(problem.reference)}
        for problem in problems
        for name, change in CHANGES.items()
    ]
    clean = json.loads((folder / "codealpaca" / "new_codealpaca.json").read_text(encoding="utf-8"))
    mixed = [row for n, row in enumerate(planted) for row in (*clean[n : n + 1], row)]
    path = put(tmp_path / "code_alpaca_20k.json", mixed)
    flags = {"source": {"codealpaca": str(path)}, "bench_data": str(folder), "near__enabled": False}
    made = build(tmp_path / "w", workers=2, decontaminate_behaviour="report", **flags)
    programs = {row["output"].strip() for row in planted}
    assert len(planted) == 4 * (28 + 84)
    assert not [row.id for row in all_rows(made) if row.output.strip() in programs]
    reasons = {row["row"]["output"].strip(): row["reason"] for row in rows_of(made, "dropped.jsonl") if row["row"]}
    # What is planted leaves as contaminated, or before that since it is no row at all.
    assert {reasons[program] for program in programs} <= {"contaminated", "too-long", "does-not-parse", "known-mistake"}
    evidence = [hit for hit in rows_of(made, "contamination.jsonl") if hit["kind"] == "copy"]
    assert len(evidence) > 420 and {hit["level"] for hit in evidence} >= {1, 2}
    assert len(all_rows(made)) > 0.95 * (len(mixed) - len(planted))
