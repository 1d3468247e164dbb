import re

from coma_cli.catalog.tasks import code_summarization
from tests.catalog.tasks.materials import MEAN, MEAN_CODE, made


def test_golden_summarization():
    row = made("code-summarization", MEAN)
    assert row.to_row() == {
        "schema_version": 1,
        "id": "71dd97fb3bd46eaa6030",
        "task": "code-summarization",
        "source": "test",
        "language": "python",
        "text_language": "en",
        "instruction": "What does this Python function do?",
        "input": MEAN_CODE,
        "output": "Return the mean of some numbers.",
        "licence": "MIT",
        "origin": {"path": "stats.py", "row": "mean", "lines": [1, 4], "url": "", "split": "", "detail": ""},
        "made_by": "build-data",
    }


def test_chinese_material_is_worded_in_chinese():
    from dataclasses import replace

    row = made("code-summarization", replace(MEAN, text_language="cn", summary="返回平均值。"))
    assert row.text_language == "cn"
    assert "Python" in row.instruction
    assert any("\u4e00" <= sign <= "\u9fff" for sign in row.instruction)


def test_wordings_claim_no_length_that_the_answer_may_not_have():
    told = re.compile(r"sentence|few words|short|brief|concise|\bone line\b|一两句|简短|简要|简洁")
    for language in ("en", "cn"):
        assert not [wording for wording in code_summarization.WORDINGS[language] if told.search(wording)]
