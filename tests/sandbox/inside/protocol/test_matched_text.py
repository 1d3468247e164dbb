"""What stands in for a match object answers as that does."""

import re

import pytest

from coma_cli.sandbox.inside.protocol import values

MATCHES = [
    re.search(r"(?P<year>\d{4})-(?P<month>\d\d)(-(\d\d))?", "in 2026-11 or so"),
    re.match(r"(a)|(b)", "b"),
    re.compile("x*").search("aaxx", 1, 3),
    re.search(rb"(\w)", b"--a"),
    re.search("", ""),
]


@pytest.mark.parametrize("match", MATCHES, ids=repr)
def test_it_has_what_a_match_has(match: re.Match) -> None:
    back = values.decode(values.encode(match))
    for name in ("string", "pos", "endpos", "lastindex", "lastgroup"):
        assert getattr(back, name) == getattr(match, name), name
    for name in ("group", "groups", "groupdict", "span", "start", "end"):
        assert getattr(back, name)() == getattr(match, name)(), name
    for group in [*range(len(match.groups()) + 1), *match.re.groupindex]:
        assert back[group] == back.group(group) == match[group]
        assert (back.span(group), back.start(group), back.end(group)) == (
            match.span(group),
            match.start(group),
            match.end(group),
        )
    assert back.groups("-") == match.groups("-")
    assert back.group(0, 0) == match.group(0, 0)
    assert bool(back)


@pytest.mark.parametrize("group", [9, -1, "none"])
def test_a_group_that_is_not_there_is_an_error(group: object) -> None:
    with pytest.raises(IndexError, match="no such group"):
        values.decode(values.encode(MATCHES[0]))[group]
