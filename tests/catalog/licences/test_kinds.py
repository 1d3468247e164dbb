import pytest

from coma_cli.catalog.licences.kinds import allows, is_known, joined, kind_of
from coma_cli.catalog.licences.names import named_in
from coma_cli.catalog.sources import SOURCES


@pytest.mark.parametrize(
    ("licence", "permissive", "known"),
    [
        ("MIT", True, True),
        ("mit", True, True),
        ("GPL-3.0", False, True),
        ("GPL-2.0-or-later", False, True),
        ("CC-BY-NC-4.0", False, True),
        ("CC-BY-SA-4.0", False, True),
        ("MIT OR GPL-2.0", True, True),
        ("MIT AND GPL-2.0", False, True),
        ("MIT AND Apache-2.0", True, True),
        ("(MIT OR GPL-2.0) AND BUSL-1.1", False, False),
        ("MIT AND (GPL-2.0 OR Apache-2.0)", True, True),
        ("mit or apache-2.0", True, True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False, True),
        ("Apache-2.0 WITH LLVM-exception", True, True),
        ("LicenseRef-Commons-Clause AND MIT", False, False),
        ("LicenseRef-proprietary", False, False),
        ("(MIT", False, False),
        ("MIT OR", False, False),
        ("MIT MIT", False, False),
        ("unknown (COPYING)", False, False),
        ("", False, False),
    ],
)
def test_policies(licence, permissive, known):
    assert allows("permissive", licence) is permissive
    assert allows("non-commercial-ok", licence) is known
    assert allows("any", licence)


def test_every_licence_that_is_recognized_by_name_or_named_by_a_source_is_in_the_table():
    words = "AGPL, LGPL v3, LGPL, GPL v3, GPL, Apache 2.0, Simplified BSD, BSD, MPL, EPL, CC0, Unlicense, ISC, MIT"
    words += ", Boost Software License"
    names = named_in(words)
    assert len(names) == 15 and not [name for name in names if kind_of(name) == "unknown"]
    named = {source.licence for source in SOURCES.values() if " " not in source.licence}
    assert {name for name in named if kind_of(name) == "unknown"} <= {"unknown"}


def test_licences_are_joined_as_an_expression():
    assert joined("AND", ["MIT", "Apache-2.0 OR ISC", "MIT"]) == "(Apache-2.0 OR ISC) AND MIT"
    assert joined("OR", ["MIT"]) == "MIT"
    assert is_known("(Apache-2.0 OR ISC) AND MIT") and not is_known("MIT AND X") and not is_known("")
