"""Generated arguments fit the annotations, are the same each time, and are source text."""

import ast
from typing import Any

import pytest

from coma_cli.instructions.proving.arguments import CASES, cases_for


def cases(signature: str, **more: Any):
    (function,) = ast.parse(f"def f({signature}): pass").body
    assert isinstance(function, ast.FunctionDef)
    return cases_for(function, **more)


def first_values(signature: str) -> list[Any]:
    return [case.positional[0] for case in cases(signature)]


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", int), ("float", float), ("str", str), ("bool", bool), ("bytes", bytes),
        ("list[int]", list), ("typing.List[str]", list), ("Sequence[float]", list), ("'list[int]'", list),
        ("dict[str, int]", dict), ("Mapping", dict), ("set[int]", set), ("frozenset", frozenset),
        ("tuple[int, str]", tuple), ("Tuple[int, ...]", tuple), ("Annotated[int, 'x']", int),
    ],
)  # fmt: skip
def test_values_are_of_the_type(annotation, kind):
    values = first_values(f"x: {annotation}")
    assert len(values) > 1 and {type(value) for value in values} == {kind}


def test_parts_of_containers_are_of_their_types():
    assert {
        type(part) for value in first_values("x: list[dict[str, float]]") for row in value for part in row.values()
    } == {float}
    assert {tuple(map(type, value)) for value in first_values("x: tuple[int, str]")} == {(int, str)}


def test_unions_give_values_of_each_member():
    assert {type(value) for value in first_values("x: int | None")} == {int, type(None)}
    assert {type(value) for value in first_values("x: Union[str, bool]")} == {str, bool}
    assert {type(value) for value in first_values("x: Optional[str]")} == {str, type(None)}
    assert set(first_values("x: Literal['a', 2]")) == {"a", 2}


def test_without_annotations_names_come_first_and_then_each_shape():
    assert cases("text")[0].positional == ("abc",) and cases("items")[0].positional == ([3, 1, 2],)
    kinds = {type(value) for value in first_values("zzz")}
    assert kinds == {int, str, list, float, dict, bool}
    for case in cases("zzz, qqq")[1:]:
        assert type(case.positional[0]) is type(case.positional[1])


def test_defaults_are_kept_once_and_what_python_gives_is_left_out():
    assert [len(case.positional) for case in cases("a: int, b: int = 1")][:2] == [1, 2]
    assert len(cases("self, a: int", bound=True)[0].positional) == 1
    assert cases("*, a: int, b: str = ''")[0].keywords == {"a": 3}
    assert cases("*rest, **more")[0].positional == ()


def test_they_are_source_text_and_the_same_each_time():
    signature = "a: dict[str, list[float]], b: set[int], c: tuple[int, bytes], d, e: 'Optional[str]' = None"
    found = cases(signature)
    assert 1 < len(found) <= CASES and found == cases(signature)
    for case in found:
        assert ast.literal_eval(repr(case.as_literal())) == case.as_literal()
