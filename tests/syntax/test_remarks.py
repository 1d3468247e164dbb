import pytest

from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.remarks import remark_in, tidied

REMARKS = {
    "reference": ["Same as stop.", "Same as `open()`.", "See the base class.", "Documented in reader.js", "ditto"],
    "template": ["Description of the Method", "Write your code here", "Auto generated file."],
    "status": ["Deprecated. Use load instead.", "Not implemented yet.", "Internal use only.", "TODO: write this down"],
    "origin": ["copied from the old parser", "Initially borrowed from another gem", "Since 2.4.1 of the library"],
    "restriction": [
        "Limited to 32 characters",
        "Must be called first.",
        "Don't call it twice.",
        "to be used as a filter",
    ],
    "overriding": ["This is overridden to close the file.", "Override this to add columns", "Subclasses must do it."],
    "aside": [
        "Currently, the second one is ignored.",
        "You may set a name here.",
        "This is how it works",
        "We need both of them at this time",
        "note that it is slow",
    ],
    "reason": ["to avoid a second query, we keep the rows"],
    "example": ["For example: `load(1)`."],
    "default": ["Defaults to the current folder."],
    "listing": ["1. Read the file 2. Parse it", "3.1 Reading of files"],
    "grammar": ["list = item *(sep item) / empty"],
    "of another thing": ["This class holds the settings.", "Utility class to read settings"],
    "requirement": ["Additional work is required to find the rows."],
    "occasion": ["Called when the window is closed.", "This method is invoked by the server."],
    "interface": ["Close implements io.Closer.", "Len is part of the sort.Interface interface."],
    "platform": ["Rails 4.1 and 4.2+ support", "iOS 9-11"],
    "ticket": ["Fix for issue #77", "Test IO-141"],
    "history": ["`dig` was added in Ruby 2.3 so that it works"],
    "replacement": ["use the other constructor instead"],
    "safety": ["This method is thread-safe.", "thread safe version using a copy", "Not thread-safe, use a lock"],
    "place": ["The server reads the rows here"],
    "preposition": ["As a list", "For internal tests.", "for manual use, perhaps"],
    "label": ["GET BY NAME", "start-of-part-two", "Helpers and filters."],
    "cut": ["Make a call to the", "Calls the handler which should set"],
    "in brackets": ["(a copy, since the old one is read)"],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in REMARKS.items() for text in texts])
def test_each_kind_of_remark_is_found(kind, text):
    assert remark_in(text) in ({kind, "status", "restriction"} if kind in ("status", "preposition") else {kind})


@pytest.mark.parametrize(
    "text",
    [
        "Returns the sum of both.",
        "Same as a + b.",
        "Same as -a.",
        "See whether the file exists.",
        "Actually deletes the file, which may be a directory.",
        "Should the cache be used?",
        "Make sure the folder exists",
        "Requires all files of the folder.",
        "Tests whether two files have the same bytes.",
        "Called when the window is closed. Writes the settings to disk.",
        "Close implements io.Closer and flushes the buffer.",
        "Used for sorting rows by name.",
        "To lower case, word by word.",
        "For each row, add its price.",
        "Notes the time of the call.",
        "Sets connection-related parameters.",
        "Execute git commands",
        "Find the projects a person takes part in",
        "Look at the answer and tell what it is",
        "Add a label for the issue it is about",
        "Whether the box is closed.",
        "Return True if it should stop here.",
        "If true, the row is read again.",
        "A getter for the name.",
        "Limits the length to 64 characters.",
        "Overrides the name to make it unique.",
        "You can get the rows within the table that match a condition.",
        "This is how you verify a request",
        "easy to transfer rows",
        "Lets the main process go first.",
        "Returns the number of rows that were added from padding",
        "Called by `load` and then closes the file.",
        "Same as sum() but ignores empty rows.",
        "Thread-safe recording of rows.",
        "Thread-safe entry point that reads rows.",
        "This function should be called by the server to create a row.",
        "Copied from the old parser. Parses a row.",
        "计算两个数的和。",
    ],
)
def test_descriptions_are_no_remarks(text):
    assert remark_in(text) is None


@pytest.mark.parametrize(
    ("text", "header", "found"),
    [
        ("rows is an array of hashes", "def load(rows)", "parameter"),
        ("`block` is optional, and gets the row", "def each(row, &block)", "parameter"),
        ("type - the type of it. name - the name of it", "def declare type:, name:, args: []", "parameter"),
        ("rows is an array of hashes", "def load(lines)", None),
        ("load is the entry point for all", "def load(rows)", None),
        ("rows is written to disk", "def load(rows)", None),
    ],
)
def test_a_text_about_a_parameter_describes_no_function(text, header, found):
    assert remark_in(text, header, header.split("(")[0].split()[1]) == found


def function(code="def load(name, row_count=1):\n    return name", language="ruby"):
    return CodeFunction(language, "load", code.split("\n")[0], code, "", (1, 2), (), False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sends money _from_ the user named _name_.", "Sends money from the user named name."),
        ("Uses the equivalent of +rm -rf+ on +x+.", "Uses the equivalent of `rm -rf` on `x`."),
        ("C++ and D++ are read.", "C++ and D++ are read."),
        ("Public: Loads the row.", "Loads the row."),
        ("Internal Loads the row.", "Loads the row."),
        ("Internal rows are read.", "Internal rows are read."),
        ("[DEPRECATED] Load the row.", "Load the row."),
        ("EXPERIMENTAL: Load the row.", "Load the row."),
        ("Deprecated: Load rows instead.", "Deprecated: Load rows instead."),
        ("Stolen from the old reader. Loads a row.", "Loads a row."),
        ("Copied from the old reader.", "Copied from the old reader."),
        ("parse Render all parts as text", "Render all parts as text"),
        ("Compression operations Pack all files.", "Pack all files."),
        ("Loads the row , then closes it .", "Loads the row, then closes it."),
        ("Loads it. See `Row` for the columns.", "Loads it."),
        ("Loads it. See the docs. Returns nothing.", "Loads it. Returns nothing."),
        ("Calls a block on all keys See keys! for more", "Calls a block on all keys."),
        ("Loads it. See whether it exists.", "Loads it. See whether it exists."),
        ("Parses the tokens. Syntax.", "Parses the tokens."),
        ("Parses a date, e.g.", "Parses a date"),
        ("Parses the `File` argument.", "Parses the `File` argument."),
        ("Loads it. Returns block result.", "Loads it. Returns block result."),
        ("Loads it. name - String with the name", "Loads it."),
        ("Loads a row row_count - Integer, how many", "Loads a row"),
        ("Loads it. other - String with the name", "Loads it. other - String with the name"),
        ("Loads a row by name - Row object - name", "Loads a row by name"),
        ("Loads <!-- begin --> it.", "Loads   it."),
    ],
)
def test_markup_and_pointers_are_removed(text, shown):
    assert tidied(text, function()) == shown


def test_names_that_the_code_writes_so_stay_as_they_are():
    assert tidied("Adds _name_ to it.", function("def load(_name_)\n  _name_\nend")) == "Adds _name_ to it."
    assert tidied("Adds +1+ to it.", function(language="python")) == "Adds +1+ to it."
