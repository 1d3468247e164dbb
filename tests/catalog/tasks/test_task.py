from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.tasks import code_summarization
from tests.catalog.tasks.materials import MEAN, made


@given(st.integers(0, 1000))
def test_the_id_depends_on_content_and_the_wording_on_id_and_seed(seed):
    row = made("code-summarization", MEAN, seed)
    assert row.id == made("code-summarization", MEAN, 0).id
    assert row == made("code-summarization", MEAN, seed)
    chosen = {wording.replace("{language}", "Python") for wording in code_summarization.WORDINGS["en"]}
    assert row.instruction in chosen


def test_all_wordings_are_used():
    used = {made("code-summarization", MEAN, seed).instruction for seed in range(300)}
    assert len(used) == len(code_summarization.WORDINGS["en"])
