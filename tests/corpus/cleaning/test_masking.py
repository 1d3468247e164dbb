import json

from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.cleaning.masking import first_secret, masked_row, masked_text
from coma_cli.corpus.cleaning.secrets import may_hold_secret
from tests.corpus.rows import example

KEY = "AKIA" + "A1B2C3D4E5F6G7H8"


def test_distinct_addresses_of_a_row_stay_distinct():
    row = example(
        1, instruction="Mail jane@corp.io.", input="a = 'joe@corp.io'", output="s = ['Jane@corp.io', 'al@x.de']"
    )
    masked = masked_row(row)
    assert masked.instruction == "Mail name1@example.com."
    assert masked.input == "a = 'name2@example.com'"
    assert masked.output == "s = ['name1@example.com', 'name3@example.com']"
    assert masked_row(masked) == masked


def test_a_number_that_the_row_has_is_not_used_again():
    assert masked_text("name1@example.com and jane@corp.io") == "name1@example.com and name2@example.com"


def test_a_list_of_candidates_is_decoded_first():
    codes = ["@asyncio.coroutine\ndef f():\n    return a@b.io", "mail = 'jane@corp.io'  # é"]
    row = example(1, task="code-search", input=json.dumps(codes, ensure_ascii=False), output=codes[1])
    masked = masked_row(row)
    assert json.loads(masked.input) == [codes[0], "mail = 'name1@example.com'  # é"]
    assert masked.output in json.loads(masked.input)
    escaped = example(1, task="code-search", input='["\\n@asyncio.coroutine"]', output="x")
    assert masked_row(escaped) == escaped


def test_fenced_code_is_code_and_what_is_around_it_is_prose():
    text = "Ask jane@corp.io:\n```python\ny = a@b.io\n# joe@corp.io\n```\nor al@corp.io"
    masked = "Ask name1@example.com:\n```python\ny = a@b.io\n# name2@example.com\n```\nor name3@example.com"
    assert masked_text(text, "ruby", False) == masked


def test_the_kind_of_a_secret_is_named():
    assert first_secret(example(1, output=f"key = '{KEY}'")) == "AWS key"
    assert first_secret(example(1, instruction="Mail jane@corp.io.")) == "e-mail address"
    assert first_secret(example(1, output="y = x@self.weight.data")) is None


def test_secrets_and_addresses_are_masked_together():
    assert masked_text(f"{KEY} of jane@corp.io") == "REDACTED of name1@example.com"
    assert masked_text("ftp://joe:Zk8mQ2pw@files.corp.com/x") == "ftp://joe:REDACTED@files.corp.com/x"


@given(st.text())
def test_masking_is_done_once_and_for_all(text):
    assert masked_text(masked_text(text)) == masked_text(text)


@given(
    st.lists(
        st.sampled_from(
            ["AKIA", "A1B2C3D4E5F6G7H8", "pass", "word = '", "Zk8mQ2pw!", "'", "\u0130", "jane", "@", "corp.io"]
        )
    )
)
def test_a_secret_within_one_field_is_masked_wherever_it_is(parts):
    """The first look, at all fields together, skips no row that has something to mask."""
    text = "".join(parts)
    row = example(1, instruction="Do it.", input="", output="x" + text)
    alone = masked_text(row.output, row.language)
    assert (masked_row(row).output != row.output) == (first_secret(row) is not None)
    assert alone == row.output or may_hold_secret(text) or "@" in text
