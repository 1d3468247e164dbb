import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.cleaning.cleaning import CleaningRules, clean, reject, relabelled, unfenced
from tests.corpus.rows import example

RULES = CleaningRules()
SUMMARY = {"task": "code-summarization", "input": "def f():\n    return 1", "output": "Return the one."}


def test_good_rows_pass_in_order_and_the_others_are_handed_over():
    skipped = []
    rows = [example(1), example(2, output=" "), example(3)]
    assert list(clean(rows, RULES, skipped.append)) == [rows[0], rows[2]]
    (row,) = skipped
    assert (row.reason, row.source, row.row["id"]) == ("empty-output", "test", "row-2")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instruction": " \n"}, "empty-instruction"),
        ({"output": "\n"}, "empty-output"),
        ({"output": "x"}, "too-short"),
        ({"input": "y" * 9000}, "too-long"),
        ({"input": "y " * 1300}, "too-long"),
        ({"output": "def f(:\n    return 1"}, "does-not-parse"),
        ({"output": "import os\nprint 'x'\nfor i in x:\n    print i"}, "does-not-parse"),
        ({"output": "```python\ndef f(:\n    return 1\n```"}, "does-not-parse"),
        ({"instruction": "Do \ufffd."}, "undecodable"),
        ({"input": "nul \x00"}, "undecodable"),
        ({"output": "I'm sorry, but I can't write that."}, "boilerplate"),
        ({"text_language": "cn"}, "text-language"),
        ({"instruction": "编写一个程序，计算两个数字的和。"}, "text-language"),
        ({"language": "java", "output": "int f( { return 1; }"}, "does-not-parse"),
        ({"language": "javascript", "output": "function f( { return 1 }"}, "does-not-parse"),
        ({"language": "sql", "output": "%% ?? )( not even near ]]"}, "does-not-parse"),
        ({"output": "[" + ", ".join(str(n) for n in range(1000, 1100)) + "]"}, "not-code"),
        (
            {"output": "# one\n# two more words here to be a comment of some length\n" * 5 + "x = 1\n" + "#" * 90},
            "not-code",
        ),
        ({"output": "$ pip show thing\n1.0"}, "other-language"),
        ({"output": "pip show thing"}, "other-language"),
        ({"output": "use strict;\nuse warnings;\nopen my $in, '<', 'a' or die;"}, "other-language"),
        ({"output": "UPDATE a\nSET b = 1\nWHERE c"}, "other-language"),
        ({**SUMMARY, "output": "{@inheritDoc}"}, "boilerplate"),
        ({**SUMMARY, "output": "Auto-generated method stub."}, "boilerplate"),
        ({**SUMMARY, "output": "TODO: write this."}, "boilerplate"),
        ({**SUMMARY, "output": "See the base class."}, "boilerplate"),
        ({**SUMMARY, "input": "def f(:\n    return 1"}, "does-not-parse"),
    ],
)
def test_a_bad_row_has_its_reason(changes, reason):
    verdict = reject(example(**changes), CleaningRules(text_languages=("en",)))
    assert verdict is not None
    assert verdict[0] == reason


@pytest.mark.parametrize(
    "changes",
    [
        {},
        SUMMARY,
        {"output": "The answer is 5 and nothing else."},
        {"output": "git = f(x)\nprint(git)"},
        {"output": "select = table.find(1)\nfrom os import path"},
        {"output": ">>> sorted(pip)\n[]"},
        {"language": "sql", "output": "SELECT a FROM b"},
        {"output": "```python\ndef f():\n    return 1\n```"},
        {"output": "    def f(self):\n        return 1"},
        {"language": "cobol", "output": "def not(java:\n  return"},
        {"language": "java", "output": "Java has no free functions, so write a class around it."},
        {"language": "java", "output": "public TYPE_1 METHOD_1 ( VAR_1 ) { return VAR_1 . ( ) ; "},
        {"language": "java", "output": "int twice(int x) {\n    return 2 * x;\n}"},
        {"language": "c", "output": "static av_cold int f(Context *c)\n{\n    AV_CHECK(c)\n    return 1;\n}"},
        {"language": "javascript", "output": "<html><body onload='f()'></body></html>"},
        {"language": "sql", "output": "SELECT a FROM b WHERE c = DATE_SUB(CURDATE(), INTERVAL 1 DAY);"},
        {"task": "line-completion", "input": "def f(x):", "output": "return x"},
        {"output": "# TODO list\ndef f(x):\n    return x"},
        {**SUMMARY, "output": "Return the todo items of a user."},
        {"task": "a task of tomorrow", "output": "def f(:\n    return"},
    ],
)
def test_a_good_row_has_none(changes):
    assert reject(example(**changes), RULES) is None


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_judged_without_a_crash(instruction, given_input, output):
    skipped = []
    row = example(instruction=instruction, input=given_input, output=output)
    assert len(list(clean([row], RULES, skipped.append))) + len(skipped) == 1


def test_a_fence_is_taken_off_only_around_the_whole():
    assert unfenced("```py\nx = 1\n```\n") == "x = 1"
    assert unfenced("Look:\n```py\nx = 1\n```") == "Look:\n```py\nx = 1\n```"


def test_licences_are_kept_by_policy():
    for policy, licence, stays in (
        ("any", "unknown (NOTICE)", True),
        ("permissive", "MIT", True),
        ("permissive", "CC-BY-NC-4.0", False),
        ("non-commercial-ok", "CC-BY-NC-4.0", True),
        ("non-commercial-ok", "unknown", False),
    ):
        verdict = reject(example(licence=licence), CleaningRules(licences=policy))
        assert (verdict is None) is stays, (policy, licence)
        assert stays or verdict == ("licence-not-allowed", licence)


KEY = "AKIA" + "Q7" * 8


def test_secrets_are_masked_dropped_or_kept():
    row = example(1, output=f"key = '{KEY}'\nowner = 'jane.roe@corp.io'")
    (masked,) = clean([row], RULES, [].append)
    assert masked.output == "key = 'REDACTED'\nowner = 'name1@example.com'"
    assert masked.id == row.id
    assert next(iter(clean([row], CleaningRules(secrets="keep"), [].append))) == row
    skipped = []
    assert not list(clean([row], CleaningRules(secrets="drop"), skipped.append))
    assert (skipped[0].reason, skipped[0].detail) == ("secret", "AWS key")
    assert KEY not in str(skipped[0].row)


def test_lengths_can_be_counted_in_tokens_of_a_base(tiny_model):
    rules = CleaningRules(tokenizer=str(tiny_model), max_tokens=20)
    assert reject(example(1, instruction="Double it.", output="2 * x"), rules) is None
    reason, detail = reject(example(1, output="def f(x):\n    return [x, x, x, x]"), rules)
    assert reason == "too-long"
    assert detail.endswith("tokens")


@pytest.mark.parametrize(
    ("language", "output"),
    [
        ("sql", "DECLARE @id INT = 1;\nSET @id = @id + 1;\nEXEC sp_rename @id, N'x' AS INT"),
        ("sql", "where @name like '%x%'"),
        ("sql", "with cte (\n    select 1 as val\n)\nselect val from cte"),
        ("sql", "create table dbo.a (id int not null)\ngo\ncreate view dbo.b as select id from dbo.a\ngo"),
        ("java", "35"),
        ("java", "dog lazy the over"),
        ("python", "One way to do it is to use the function len().\n\nimport os\nx = len(y)\nz = 1"),
        ("go", "now := time.Now()\nfmt.Println(now)"),
    ],
)
def test_dialects_fragments_values_and_prose_are_no_broken_programs(language, output):
    assert reject(example(language=language, output=output), CleaningRules()) is None


@pytest.mark.parametrize(
    ("language", "output"),
    [
        ("sql", "from o in orders\njoin d in details on o.id equals d.id\nselect new { Order = o, Details = d }"),
        ("sql", "impdp user2/pass2@db2 directory=dp_out remap_schema=user1:user2 dumpfile=user1.dmp logfile=user2.log"),
        ("go", "now := time.Now(\nfmt.Println(now)"),
    ],
)
def test_other_code_that_does_not_parse_is_dropped(language, output):
    assert (reject(example(language=language, output=output), CleaningRules()) or ("",))[0] == "does-not-parse"


def test_python_2_is_relabelled_before_it_is_judged():
    old = example(language="python", output="import urllib2\nfor link in links:\n    print link")
    broken = example(language="python", output="def f(x):\nreturn x\nprint(f(1))", id="b" * 20)
    dropped = []
    assert [row.language for row in clean([old, broken], CleaningRules(), dropped.append)] == ["python2"]
    assert [row.reason for row in dropped] == ["does-not-parse"]
    assert relabelled(broken) is broken
