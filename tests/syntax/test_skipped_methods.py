import pytest

from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.skipped_methods import speaks_of_a_skipped_method

FINDS = "def load(name)\n  @rows.find(name)\nend"


def function(code=FINDS, language="ruby"):
    name = code.split()[1].partition("(")[0]
    return CodeFunction(language, name, code.splitlines()[0], code, "", (1, 3), (), empty=False)


@pytest.mark.parametrize(
    "text",
    [
        "Create a new set of rows.",
        "Constructor for the Row class.",
        "Initialize the table with rows. Finds a row by its name.",
        "Creates a RowTable for all rows",
        "Creates a table.",
        "create new table",
        "Instantiate new table",
        "Create progress bar",
        "Creates the table object.",
        "Returns a Table instance.",
        "Creates a table out of rows initialize Finds a row by its name.",
        "Initialize the table with rows Find the row of a name",
    ],
)
def test_a_constructors_text_does_not_describe_a_method_that_makes_nothing(text):
    assert speaks_of_a_skipped_method(text, function())
    assert not speaks_of_a_skipped_method(text, function(language="python"))


@pytest.mark.parametrize(
    "text",
    ["Creates a list of rows.", "Initialize all rows.", "Finds a new row.", "Creates a sequence of numbers up to ten"],
)
def test_other_texts_speak_of_no_constructor(text):
    assert not speaks_of_a_skipped_method(text, function())


@pytest.mark.parametrize(
    "code",
    [
        "def create_rows(name)\n  @rows.find(name)\nend",
        "def table(name)\n  @rows.find(name)\nend",
        "def load(name)\n  Data::Table.new(name)\nend",
        "def load(name)\n  self.class.new(name)\nend",
        "def load(name)\n  found = new(name)\n  found\nend",
        "def load(name)\n  post '/tables', name\nend",
    ],
)
def test_a_method_that_makes_the_object_may_be_described_so(code):
    assert not speaks_of_a_skipped_method("Creates a new table in the base.", function(code))


@pytest.mark.parametrize(
    "code",
    [
        "def load(name)\n  Vector.new(@rows.size, 1)\nend",
        "def load(name)\n  raise ArgumentError.new('no name') unless name\nend",
        "def load(name)\n  @agent.generate_id()\n  @table.find(name)\nend",
        "def load(name)\n  toggle if @open\nend",
    ],
)
def test_making_something_else_is_not_making_the_object(code):
    assert speaks_of_a_skipped_method("Creates a new table.", function(code))


def test_an_object_without_a_name_is_made_by_any_call_that_makes_something():
    text = "Creates an instance for the row and returns it"
    assert not speaks_of_a_skipped_method(text, function("def load(name)\n  const_get(name).new(1)\nend"))
    assert speaks_of_a_skipped_method(text, function())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Make a deep copy of the row", "def load(name)\n  @rows.dup\nend"),
        ("Check if the row is equal to another row.", "def load(name)\n  name == @name\nend"),
        ("Ensure a deterministic sequence of rows.", "def load(name)\n  @rows.sort\nend"),
    ],
)
def test_a_text_about_a_copy_or_a_comparison_needs_one_in_the_method(text, code):
    assert speaks_of_a_skipped_method(text, function())
    assert not speaks_of_a_skipped_method(text, function(code))
