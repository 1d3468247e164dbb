import pytest

from coma_cli.catalog.licences.detection import PHRASES
from coma_cli.catalog.licences.kinds import allows, kind_of
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
        ("unknown (COPYING)", False, False),
        ("", False, False),
    ],
)
def test_policies(licence, permissive, known):
    assert allows("permissive", licence) is permissive
    assert allows("non-commercial-ok", licence) is known
    assert allows("any", licence)


def test_every_licence_that_is_recognized_or_named_by_a_source_is_in_the_table():
    assert {name for _, name in PHRASES if kind_of(name) == "unknown"} == set()
    named = {source.licence for source in SOURCES.values() if " " not in source.licence}
    assert {name for name in named if kind_of(name) == "unknown"} <= {"unknown"}
