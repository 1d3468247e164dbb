"""How an instruction is worded: each check refuses what it is for, and leaves ordinary tasks alone."""

import pytest

from coma_cli.instructions.settings import Filters, GenSettings
from coma_cli.instructions.wording import flaw_of_wording

CODE = "def area(a, b):\n    if a < 0 or b < 0:\n        raise ValueError(f'{a} {b}')\n    return a * b"
GOOD = (
    "Write a Python program that computes the area of a rectangle.",
    "How would you count the words of a text in Python, without a library?",
    "A shop needs a list of its prices. Sort them with Python and print the result",
    "Python is to be used. The program should return the area a * b of a rectangle.",
)


@pytest.mark.parametrize("text", GOOD)
def test_ordinary_tasks_pass(text):
    assert flaw_of_wording(text, CODE, "python", GenSettings()) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- Write a Python program that computes an area.", "odd-start"),
        ("“Write” a Python program that computes an area.", "odd-start"),
        ("Write a Python program that computes the", "cut-off"),
        ("Write a Python program that takes these values:", "cut-off"),
        ("The area of a rectangle. A fine thing, as everybody knows. Python.", "names-no-task"),
        ("Write a program in Java that computes the area of a rectangle.", "names-another-language"),
        ("Compute the area using C++ and print it.", "names-another-language"),
        ("Write Python that does if a < 0 or b < 0: raise ValueError(f'{a} {b}') at first.", "copies-the-code"),
    ],
)
def test_each_check_refuses_what_it_is_for_and_can_be_off(text, reason):
    assert flaw_of_wording(text, CODE, "python", GenSettings()).reason == reason
    rest = tuple(check for check in Filters().instruction_checks if check != reason)
    assert flaw_of_wording(text, CODE, "python", GenSettings(filters={"checks": rest})) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("用 Python 编写一个程序，计算矩形的面积。", None),
        ("，用 Python 编写一个程序，计算矩形的面积。", "odd-start"),
        ("用 Python 编写一个程序，计算矩形的", "cut-off"),
        ("这是一个矩形的面积。", "names-no-task"),
        ("使用 Java 编写一个程序，计算矩形的面积。", "names-another-language"),
    ],
)
def test_chinese_instructions(text, reason):
    found = flaw_of_wording(text, CODE, "python", GenSettings(text_language="cn"))
    assert (found and found.reason) == reason
