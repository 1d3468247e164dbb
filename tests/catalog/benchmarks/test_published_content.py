"""What the published benchmarks contain, and how a file of one's own differs from that."""

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.published_content import ContentDifference, difference, published_ids
from tests.catalog.benchmarks.published_content_file import FILES, content
from tests.requirements import shared_data

HUMANEVAL = BENCHMARKS["humaneval"].load().problems


def changed(problem, **fields):
    return problem.model_copy(update=fields)


def test_humaneval_as_installed_is_humaneval_as_published():
    assert difference("humaneval", 164, HUMANEVAL) == ContentDifference(0, 0, 0, 164)
    assert not difference("humaneval", 164, HUMANEVAL)


@pytest.mark.parametrize("field", ["prompt", "tests", "reference", "setup", "entry_point"])
def test_what_decides_a_verdict_is_compared(field):
    other = changed(HUMANEVAL[3], **{field: getattr(HUMANEVAL[3], field) + " "})
    assert difference("humaneval", 164, [*HUMANEVAL[:3], other, *HUMANEVAL[4:]]) == ContentDifference(0, 0, 1, 164)


def test_limits_and_instructions_are_coma_s_own():
    others = [changed(p, cpu_limit_s=9.0, instruction="Do it.") for p in HUMANEVAL]
    assert not difference("humaneval", 164, others)


def test_problems_that_are_missing_or_added_are_counted():
    own = [changed(HUMANEVAL[0], task_id="HumanEval/900"), *HUMANEVAL[1:11]]
    assert difference("humaneval", 164, own) == ContentDifference(missing=154, added=1, changed=0, compared=10)
    assert difference("humaneval", 164, own, part=True) == ContentDifference(0, 1, 0, 10)
    assert difference("a benchmark of one's own", 11, own) == ContentDifference(0, 0, 0, 0)


def test_the_file_has_what_the_published_files_have():
    for name, digests in content(shared_data()).items():
        assert published_ids(name) == digests, f"{name}: python -m tests.catalog.benchmarks.published_content_file"


def test_every_benchmark_of_the_catalogue_is_in_it():
    assert FILES.keys() == set(BENCHMARKS)
    for name in ("humaneval", "mbpp"):
        assert len(published_ids(name)) == BENCHMARKS[name].size


def test_a_smaller_set_of_inputs_is_a_change():
    plus = BENCHMARKS["humaneval+"].load(shared_data() / "evalplus" / "HumanEvalPlus-Mini.jsonl.gz").problems
    assert difference("humaneval+", 164, plus) == ContentDifference(missing=82, added=0, changed=82, compared=82)
