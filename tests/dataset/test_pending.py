from coma_cli.jsonl import read_rows
from coma_cli.records import PendingRequest
from tests.dataset.rows import assemble, example, write_part


def summary_row(number, **changes):
    values = {
        "task": "code-summarization",
        "source": "codesearchnet",
        "input": f"def f{number}(x):\n    return x + {number}",
        "output": f"Adds {number}.",
    }
    return example(number, **{**values, **changes})


def search_row(number, **changes):
    values = {"task": "code-search", "source": "staqc", "input": f'["a{number}", "b"]', "output": f"a{number}"}
    return example(number, **{**values, **changes})


def pending(folder):
    return [PendingRequest.from_row(row, "") for row in read_rows(folder / "pending.jsonl")]


def test_what_upstream_lacks_is_requested_with_all_that_it_takes(tmp_path):
    rows = [summary_row(1), example(2, source="codesearchnet", input="def g():"), search_row(3), example(4)]
    assembly = assemble(tmp_path, write_part(tmp_path / "a.part", rows))
    summary, generation, search = pending(tmp_path)
    assert (summary.subset, summary.asks_for, summary.english) == ("code-summarization-cn", "output", "Adds 1.")
    assert (summary.input, summary.output) == (rows[0].input, "")
    assert (generation.subset, generation.asks_for) == ("code-generation-cn", "instruction")
    assert (generation.english, generation.input, generation.output) == ("Write number 2.", "def g():", "value = 2")
    assert (search.subset, search.english, search.output) == ("code-search-cn", "Write number 3.", "a3")
    for request, row in zip((summary, generation, search), rows[:3], strict=True):
        assert (request.language, request.licence, request.origin, request.source) == (
            row.language,
            row.licence,
            row.origin,
            row.source,
        )
        assert request.text_language == "cn"
    assert assembly.tally.pending == {"code-summarization-cn": 1, "code-generation-cn": 1, "code-search-cn": 1}


def test_a_row_that_answers_takes_its_request_away(tmp_path):
    english = [summary_row(n) for n in range(6)]
    chinese = [
        summary_row(100 + n, input=english[n].input, output="加上一个数。", text_language="cn") for n in range(2)
    ]
    assemble(tmp_path, write_part(tmp_path / "a.part", english))
    before = pending(tmp_path)
    assemble(tmp_path, write_part(tmp_path / "a.part", [*english, *chinese]))
    after = pending(tmp_path)
    answered = {row.input for row in chinese}
    assert [request for request in before if request.input not in answered] == after
    assert len(after) == 4


def test_no_more_is_requested_than_the_table_wants(tmp_path):
    rows = [summary_row(n) for n in range(40)]
    assembly = assemble(tmp_path, write_part(tmp_path / "a.part", rows), size=120)
    assert len(pending(tmp_path)) == 10 == assembly.tally.pending["code-summarization-cn"]
    assert {r.english for r in pending(tmp_path)} == {r["output"] for r in read_rows(tmp_path / "train.jsonl")}


def test_without_chinese_nothing_is_requested(tmp_path):
    assemble(tmp_path, write_part(tmp_path / "a.part", [summary_row(1)]), text_languages=("en",))
    assert not pending(tmp_path)


def test_rows_that_left_are_not_requested(tmp_path):
    rows = [summary_row(1), summary_row(2, input=summary_row(1).input)]
    assemble(tmp_path, write_part(tmp_path / "a.part", rows))
    assert len(pending(tmp_path)) == 1


def test_chinese_alone_is_requested_from_the_english_rows_that_are_not_kept(tmp_path):
    answer = summary_row(9, input=summary_row(1).input, output="加一。", text_language="cn")
    rows = [summary_row(1), summary_row(2), answer]
    assembly = assemble(tmp_path, write_part(tmp_path / "a.part", rows), text_languages=("cn",))
    assert [request.english for request in pending(tmp_path)] == ["Adds 2."]
    assert [row["output"] for row in read_rows(tmp_path / "train.jsonl")] == ["加一。"]
    dropped = [(row["reason"], row["detail"]) for row in read_rows(tmp_path / "dropped.jsonl")]
    assert dropped == [("text-language", "en was not requested")] * 2
    assert assembly.tally.dropped == {("codesearchnet", "text-language"): 2}
