import pytest

from coma_cli.syntax.unfinished import empty_block, placeholder


@pytest.mark.parametrize(
    "comment",
    [
        "# Your code here",
        "// add your logic",
        "# code goes here",
        "/* implementation here */",
        "// ...",
        "# do something with it",
        "# rest of the code",
        "// TODO: later",
        "# 在这里编写你的代码",
        "# 执行一些操作",
    ],
)
def test_a_comment_that_stands_in_for_code(comment):
    assert placeholder(f"start()\n{comment}\nstop()")


@pytest.mark.parametrize(
    "line",
    [
        "# insert the element into the list",
        "// here the rest is sorted",
        "# code points of the text",
        "# 在此处插入元素",
        'print("your code: " + code)',
        "# other numbers are odd",
    ],
)
def test_a_comment_that_explains(line):
    assert placeholder(line) is None


@pytest.mark.parametrize(
    ("language", "code", "found"),
    [
        ("go", "func f() {\n\tif err != nil {\n\t}\n}", "if err != nil {"),
        ("csharp", "foreach (var x in list)\n{\n    }", "foreach (var x in list)"),
        ("javascript", "if (a in b) {\n    \n}", "if (a in b) {"),
        ("cpp", "int main() { while (next(line)) {\n    }\n}", "while (next(line)) {"),
        ("php", "<?php if (is_file($a)) {\n}\n", "if (is_file($a)) {"),
        ("c", "void f() { while (*p++) {} }", None),  # meant to be empty
        ("java", "class A { A() {\n    }\n    void stop() { run(); } }", None),  # a constructor may be empty
        ("java", "class A { void f() { try { g(); } catch (E e) {\n    }\n} }", None),
        ("python", "if text.isalnum():\n    ...", "if text.isalnum():"),
        ("python", "class P(Protocol):\n    def f(self): ...", None),
        ("python", "if (:\n    ...", None),
    ],
)
def test_a_block_that_should_say_something(language, code, found):
    assert empty_block(language, code) == found
