"""Restores the types that MBPP+'s inputs lost in JSON: tuples and sets became lists, complex numbers strings.

Which task needs which conversion is taken from evalplus 0.3.1, `data/mbpp.py`, `mbpp_deserialize_inputs`.
"""

from collections.abc import Callable, Mapping
from typing import Any

_Change = Callable[[list[Any]], list[Any]]


def _tuples(part: list[Any]) -> list[Any]:
    return [tuple(item) for item in part]


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _each_a_tuple(given: list[Any]) -> list[Any]:
    return _tuples(given)


def _each_a_list_of_tuples(given: list[Any]) -> list[Any]:
    return [_tuples(part) for part in given]


def _each_a_tuple_of_tuples(given: list[Any]) -> list[Any]:
    return [tuple(_tuples(part)) for part in given]


def _first_a_list_of_tuples(given: list[Any]) -> list[Any]:
    return [_tuples(given[0]), *given[1:]]


def _first_a_tuple(given: list[Any]) -> list[Any]:
    return [tuple(given[0]), *given[1:]]


def _second_a_tuple(given: list[Any]) -> list[Any]:
    return [given[0], tuple(given[1])]


def _sets_in_the_first(given: list[Any]) -> list[Any]:
    return [[set(item) if isinstance(item, list) and item else {} for item in given[0]]]


def _tuples_where_lists_are(given: list[Any]) -> list[Any]:
    return [tuple(tuple(item) if isinstance(item, list) else item for item in given[0])]


def _tuples_as_values(given: list[Any]) -> list[Any]:
    return [{key: tuple(value) for key, value in given[0].items()}, *given[1:]]


def _polar(given: list[Any]) -> list[Any]:
    return [float(given[0]), complex(given[1])]


def _complex(given: list[Any]) -> list[Any]:
    return [complex(given[0])]


def _tuples_all_through(given: list[Any]) -> list[Any]:
    return [_deep(part) for part in given]


_TASKS: tuple[tuple[_Change, str], ...] = (
    (
        _each_a_tuple,
        "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809",
    ),
    (_each_a_list_of_tuples, "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780"),
    (_first_a_list_of_tuples, "75 413 444 753"),
    (_second_a_tuple, "106 750"),
    (_sets_in_the_first, "115"),
    (_polar, "124"),
    (_first_a_tuple, "250 307 405 446 617 720 763 808"),
    (_each_a_tuple_of_tuples, "259 401 445"),
    (_tuples_where_lists_are, "278"),
    (_tuples_as_values, "722"),
    (_complex, "252"),
    (_tuples_all_through, "580 615 791"),
)
_CHANGES: Mapping[int, _Change] = {int(number): change for change, tasks in _TASKS for number in tasks.split()}


def mbpp_arguments(task: int, given: list[Any]) -> list[Any]:
    """The arguments of one call for the MBPP+ task with that number, from their JSON form.

    Raises:
        TypeError, ValueError, IndexError or AttributeError: the arguments don't belong to that task.
    """
    change = _CHANGES.get(task)
    return change(given) if change else given
