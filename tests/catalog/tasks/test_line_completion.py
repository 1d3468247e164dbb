from dataclasses import replace

from coma_cli.catalog.material import Function
from coma_cli.catalog.tasks import line_completion
from coma_cli.records import Origin
from tests.catalog.tasks.materials import MEAN, UNFINISHED, made


def test_golden_completion_within_a_line():
    row = made("line-completion", UNFINISHED)
    assert (row.id, row.instruction) == (
        "add5c74c7eb3f70fa43a",
        "These Python tokens stop before the end of a line. Give the rest of the line.",
    )
    assert (row.input, row.output) == ("import os <EOL> print (", "os )")


def test_tokens_of_java_are_completed_to_the_end_of_the_statement():
    row = made("line-completion", replace(UNFINISHED, language="java", before="int f ( ) {", line="return 1 ;"))
    assert row.instruction in {text.format(language="Java") for text in line_completion.STATEMENT_WORDINGS["en"]}


def test_a_long_beginning_is_cut_at_its_start_between_tokens():
    words = [f"token{number}" for number in range(5000)]
    row = made("line-completion", replace(UNFINISHED, before=" ".join(words)))
    kept = row.input.split(" ")
    assert len(row.input) <= 4000
    assert kept == words[-len(kept) :]


def test_golden_completion():
    row = made("line-completion", MEAN)
    assert row.id == "feef336ed31e8b0efbae"
    assert row.instruction == "Write the next line of this Python code."
    assert row.input == "def mean(values):\n    total = sum(values)"
    assert row.output == "return total / len(values)"


def test_a_line_that_occurs_before_is_not_a_target():
    code = "def f(self):\n    self.go(self.x)\n    self.go(self.x)"
    cuts = ((code.rindex("self.go"), len(code)),)
    repeated = Function(
        "python", "f", "def f(self):", code, "Go on twice.", "Go on twice.", cuts, licence="MIT", origin=Origin()
    )
    assert made("line-completion", repeated) is None
