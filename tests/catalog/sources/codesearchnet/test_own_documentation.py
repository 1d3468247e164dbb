import pytest

from coma_cli.catalog.sources.codesearchnet.own_documentation import own_documentation

OWN = "Returns the oldest entry of the cache.\n\n @return [Entry] the entry"
CREATES = "Creates a new cache.\n\n @param [Integer] size\n   How many entries.\n\n"


OTHER = "Sets the size.\n\n @param [Integer] size\n\n Sizes are even."
MORE = f"{CREATES} If it is too small, entries are lost."
SECTION = """Constructor for the Row class.

 ==== Parameters
 cells::  Its cells, which may
          be nil.
 This method closes the row."""


@pytest.mark.parametrize(
    ("documentation", "name", "own"),
    [
        (f"{CREATES} {OWN}", "Store.Cache.oldest", f" {OWN}"),
        (SECTION, "Row.close", " This method closes the row."),
        (CREATES, "Store.Cache.oldest", CREATES),
        (MORE, "Store.Cache.oldest", MORE),
        (OTHER, "Store.Cache.size", OTHER),
        (f"{CREATES} {OWN}", "Store.Cache.new", f"{CREATES} {OWN}"),
    ],
)
def test_a_constructors_documentation_before_the_own_one_is_left_out(documentation, name, own):
    assert own_documentation(documentation, "ruby", name) == own


def test_other_languages_have_one_documentation_per_function():
    assert own_documentation(f"{CREATES} {OWN}", "php", "oldest") == f"{CREATES} {OWN}"
