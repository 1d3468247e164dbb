"""What stays: one table of rows for each reason, and rows near the border that must stay."""

import pytest

from coma_cli.instructions.filtering import flaw_of_chinese, flaw_of_instruction, flaw_of_program
from coma_cli.instructions.settings import Filters

FILTERS = Filters()
GOOD = "Write a Python program that returns the sum of all even numbers in a list of integers."


def reason(flaw):
    return flaw.reason if flaw else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, None),
        ("Write a function that applies a given function to each element of a list, in Python.", None),
        ("Write code in Python. The function should return None for an empty list of numbers.", None),
        ("The code below a threshold must be ignored: sum the HTTP status codes that are left, in Go.", None),
        ("Write a Python program.", "instruction-too-short"),
        ("word " * 400, "instruction-too-long"),
        (GOOD + "\n```python\nx\n```", "instruction-holds-code"),
        ("Explain in a few sentences what the given code does when its input is empty.", "mentions-the-code"),
        ("Rewrite the original function in Python so that it handles empty input too.", "mentions-the-code"),
        ("Based on the code provided above write a program that sorts a list of words.", "mentions-the-code"),
        ("Write a program like this snippet that sorts a list of words by length.", "mentions-the-code"),
        ("编写一个程序，读取整数列表并返回所有偶数的和，列表为空时返回零。", "other-text-language"),
        ("Напишите программу, которая складывает все чётные числа списка и печатает сумму.", "other-text-language"),
    ],
)
def test_english_instructions(text, expected):
    assert reason(flaw_of_instruction(text, "en", FILTERS)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("用 Python 编写一个程序，计算列表中所有偶数的和，列表为空时返回零。", None),
        ("编写 Python 函数 flatten_nested_list，把嵌套列表展开为一层并打印结果。", None),
        (GOOD, "other-text-language"),
        ("请解释上述代码的作用，并给出一个可以运行的例子。", "mentions-the-code"),
        ("写程序", "instruction-too-short"),
    ],
)
def test_chinese_instructions(text, expected):
    assert reason(flaw_of_instruction(text, "cn", FILTERS)) == expected


PROGRAM = "def f(x):\n    return x + 1\n\nprint(f(1))"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (PROGRAM, None),
        ("def main():\n    print(1)\n\nif __name__ == '__main__':\n    main()", None),
        ("import sys\nfor i in range(3):\n    print(i)", None),
        ("print(1)", "program-too-short"),
        ("def f(x)\n    return x\nprint(f(1))", "does-not-parse"),
        ("print 'python two'\nx = 1\ny = 2", "does-not-parse"),
        ("def f(x):\n    return x\n\nclass A:\n    pass", "does-nothing"),
        ('"""Only words."""\nX = 1\nY = 2', "does-nothing"),
        ("def main():\n    pass\nif __name__ == '__main__':\n    x = 1", "does-nothing"),
        ("name = input()\nprint(name)\nprint(1)", "reads-input"),
        ("import sys\ndata = sys.stdin.read()\nprint(data)", "reads-input"),
        ("a = 1\nb = 2\nx = (" + "(" * 5000 + "\n\n1", "does-not-parse"),
        ("x = 1\0\ny = 2\nprint(x)", "does-not-parse"),
    ],
)
def test_python_programs(code, expected):
    assert reason(flaw_of_program(code, "python", FILTERS)) == expected


def test_other_languages_are_measured_only():
    assert flaw_of_program("int main() {\n  return 0;\n}", "c", FILTERS) is None
    assert reason(flaw_of_program("int main() {}\n\n\n", "c", FILTERS)) == "program-too-short"


def test_definitions_alone_may_be_allowed():
    assert flaw_of_program("def f(x):\n    y = x\n    return y", "python", Filters(must_run=False)) is None


def test_warnings_of_a_program_are_not_ours(recwarn):
    assert flaw_of_program("import re\nx = '\\d'\nprint(x)", "python", FILTERS) is None
    assert not recwarn.list


ENGLISH = "Return the sum of all even numbers in a list, or 0 for an empty list."
PROGRAM = "def total(values):\n    return sum(v for v in values if v % 2 == 0)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("返回列表中所有偶数之和，列表为空时返回 0。", None),
        ("返回列表 `values` 中所有偶数之和，为空时返回 0；函数名为 total。", None),
        ("請編寫函數，返回列表中所有偶數之和。", "traditional-characters"),
        ("返回列表中所有偶数之和。<br>列表为空时返回 0。", "text-holds-markup"),
        ("返回列表中所有偶数之和，若 a &lt; b 则返回零。", "text-holds-markup"),
        ("实现 def total(values): return sum(v for v in values if v % 2 == 0)，返回偶数之和。", "quotes-the-answer"),
        ("返回偶数之和。Return the sum of all even numbers in a list", "echoes-the-request"),
        ("返回列表中所有偶数之和。Answer with the text between chinese tags and nothing else", "echoes-the-request"),
    ],
)
def test_chinese_texts_that_are_no_clean_translation_are_refused(text, expected):
    prompt = "Answer with the text between chinese tags and nothing else."
    assert reason(flaw_of_chinese(text, ENGLISH, PROGRAM, prompt)) == expected


@pytest.mark.parametrize(
    ("english", "chinese", "reason"),
    [
        ("Return the first 3 rows of parse_table.", "返回 parse_table 的前 3 行数据。", None),
        ("Return the first 3 rows of parse_table.", "返回 parse_table 的前三行数据。", None),
        ("Return the first 3 rows of parse_table.", "返回 parse_table 的前几行数据。", "loses-a-number"),
        ("Return the first 3 rows of parse_table.", "返回这个表格的前 3 行数据。", "loses-a-name"),
        ("Call `run` on each value up to 1,000.", "对每个值调用 run 方法，直到 1000 为止。", None),
        ("Call `run` on each value up to 1,000.", "对每个值调用 run 方法，直到 100 为止。", "loses-a-number"),
        ("Join paths as os.path does, with getName().", "像 os.path 那样连接路径，并使用 getName 方法。", None),
        ("Join paths as os.path does, with getName().", "像系统库那样连接路径，并使用 getName 方法。", "loses-a-name"),
        ("How to sort a list by two keys, e.g. size?", "如何按照两个键对列表进行排序？", None),
    ],
)
def test_names_and_numbers_of_the_english_text_are_kept(english, chinese, reason):
    flaw = flaw_of_chinese(chinese, english)
    assert (flaw and flaw.reason) == reason
