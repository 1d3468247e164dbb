import pytest

from coma_cli.catalog import material
from coma_cli.catalog.material import Function, Material, Snippet, Translation
from coma_cli.catalog.tasks import TASKS
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin
from coma_cli.syntax.documentation import Prose
from coma_cli.syntax.function import CodeFunction

HERE = Origin(path="a.py", row="f", lines=(1, 3))
SHAPES = [kind for kind in vars(material).values() if isinstance(kind, type) and issubclass(kind, Material)]


def code_function(empty=False):
    code = "def f(x):\n    y = x + x\n    return y"
    return CodeFunction("python", "f", "def f(x):", code, "Double it.", (1, 3), ((14, 23),), empty)


def test_what_is_of_every_piece_is_said_by_name():
    snippet = Snippet("go", "func f() {}", licence="MIT", origin=HERE)
    assert (snippet.language, snippet.licence, snippet.origin, snippet.text_language) == ("go", "MIT", HERE, "en")
    with pytest.raises(TypeError, match="positional"):
        Snippet("go", "func f() {}", "MIT", HERE)


def test_every_shape_is_taken_by_a_task():
    taken = {kind for task in TASKS.values() for kind in task.takes}
    assert set(SHAPES) - {Material} == taken


@pytest.mark.parametrize(("text", "spoken"), [("Double the value that is given.", "en"), ("把给定的值乘以二。", "cn")])
def test_a_documented_function_holds_what_was_said_of_it(text, spoken):
    made = Function.documented(code_function(), Prose(text, f"{text}\nMore."), licence="MIT", origin=HERE)
    assert isinstance(made, Function)
    assert (made.summary, made.description, made.text_language) == (text, f"{text}\nMore.", spoken)
    assert (made.name, made.header, made.code, made.cuts) == ("f", "def f(x):", code_function().code, ((14, 23),))
    assert (made.licence, made.origin) == ("MIT", HERE)


@pytest.mark.parametrize(
    ("function", "prose", "reason"),
    [
        (code_function(empty=True), Prose("Double the value.", ""), "empty-body"),
        (code_function(), None, "no-prose"),
        (code_function(), Prose("Double it.", "Double it."), "too-short"),
    ],
)
def test_a_function_that_teaches_nothing_is_rejected_with_its_text(function, prose, reason):
    made = Function.documented(function, prose, licence="MIT", origin=HERE)
    assert isinstance(made, Rejected)
    assert (made.reason, made.origin) == (reason, HERE)
    assert made.row == {"code": function.code, "documentation": "Double it."}


def test_a_language_that_no_entry_names_is_refused():
    said = r"The language 'pyton' has no entry; known: cpp, .*python, .*unspecified\."
    with pytest.raises(ValueError, match=said):
        Snippet("pyton", "pass", licence="MIT", origin=HERE)
    with pytest.raises(ValueError, match=said):
        Translation("java", "", "pyton", "", False, licence="MIT", origin=HERE)
    assert Snippet("unspecified", "pass", licence="MIT", origin=HERE).language == "unspecified"
