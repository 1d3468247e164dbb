import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.syntax.comments import without_repeats
from coma_cli.syntax.documentation import leaks
from coma_cli.syntax.functions import without_documentation
from coma_cli.syntax.trees import parses
from tests.syntax.samples import SAMPLES


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("int f() {\n  // Adds up all.\n  return 1;\n}", "int f() {\n  return 1;\n}"),
        ("int f() {\n  return 1; // adds up all\n}", "int f() {\n  return 1;\n}"),
        ("int f() {\n  return /* adds up all */ 1;\n}", "int f() {\n  return 1;\n}"),
        ("int f() {\n  // Adds\n  // up all.\n  return 1;\n}", "int f() {\n  return 1;\n}"),
        ("int f() {\n  // Adds nothing.\n  return 1;\n}", "int f() {\n  // Adds nothing.\n  return 1;\n}"),
        ('int f() {\n  return g("adds up all");\n}', 'int f() {\n  return g("adds up all");\n}'),
    ],
)
def test_only_comments_that_say_it_again_are_cut(code, left):
    assert without_repeats("c", code, "/** Adds up all. */") == left


def test_without_prose_nothing_is_cut():
    code = "int f() { return 1; /* words */ }"
    assert without_repeats("c", code, "/** @return 1 */") == code


WORDS = st.lists(
    st.sampled_from(["adds", "prices", "of", "all", "items", "cart", "é", "数", "once"]), min_size=3, max_size=9
)
MARKS = {"ruby": "# {}", "python": "# {}", "rust": "/// {}", "csharp": "/// <summary>{}</summary>"}


@pytest.mark.parametrize("language", SAMPLES)
@settings(max_examples=25, deadline=None)
@given(words=WORDS)
def test_a_summary_never_stays_in_the_code_as_a_comment(language, words):
    summary = " ".join(words)
    sample = max((f for f in _functions(language) if "\n" in f.code), key=lambda f: f.code.count("\n"))
    inner = MARKS.get(language, "// {}").format(summary)
    first, rest = sample.code.split("\n", 1)[0], sample.code.split("\n")
    lines = [*rest[:-1], inner, rest[-1]] if language != "python" else [*rest, f"    # {summary}"]
    above = MARKS.get(language, "/** {} */").format(summary)
    if language == "python":
        head = sample.header.count("\n") + 1
        lines = [*rest[:head], f'    """{summary}"""', *lines[head:]]
        above = "# words"
    function = without_documentation(language, "\n".join([above, *lines]))
    assert function is not None
    assert first == function.code.split("\n", 1)[0]
    assert leaks(summary, function.code) is None
    assert parses(language, function.code)


def _functions(language):
    from coma_cli.syntax.functions import functions

    return functions(language, SAMPLES[language][0])
