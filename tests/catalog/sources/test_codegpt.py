import zipfile
from collections import Counter

import pytest

from coma_cli.catalog.material import Instruction
from coma_cli.catalog.sources import codegpt
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.formats.fences import Unfenced, unfenced
from coma_cli.formats.rejected import Rejected
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import FORMS, reasons, without_places, write, write_form
from tests.requirements import shared_data


def row(user, assistant, **changes):
    constant = {"system": "x", "source": "CodeGPT", "language": "Chinese", "command": "", "plugin": ""}
    return {**constant, "user": user, "assistant": assistant, "thought": "", **changes}


ROWS = [
    row("用Java如何读取文件？\r\n", "```java\r\nint a = 1;\r\n```"),
    row("请用python完成以下题目", "```Python\n\n    print('行')\n\n```\n"),
    row("请用c++完成", "```\nint main() {}\n```"),
    row("请给出代码", "可以这样写：```ruby\nputs 1\n```"),
    row("请给出代码", "```python\nprint(1)"),
    row("请给出代码", "```javascript\n\n\n```"),
    row("请给出代码", None),
    row(None, "x"),
]


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_a_file_without_a_language_in_its_name(tmp_path, form):
    write_form(form, tmp_path, "code-leetcode/leetcode", ROWS)
    found = read(codegpt.SOURCE, tmp_path)
    assert [(e.language, e.instruction, e.output) for e in good(found)] == [
        ("java", "用Java如何读取文件？", "int a = 1;"),
        ("python", "请用python完成以下题目", "print('行')"),
        ("cpp", "请用c++完成", "int main() {}"),
        ("ruby", "请给出代码", "可以这样写：```ruby\nputs 1\n```"),
    ]
    assert [reason for reason, _ in reasons(found)] == ["cut-answer", "empty-output", "broken-row", "broken-row"]
    assert {(e.text_language, e.licence, e.origin.split) for e in good(found)} == {("cn", "Apache-2.0", "train")}


@pytest.mark.parametrize(("name", "language"), [("Python3", "python"), ("C#", "csharp"), ("Cpp", "cpp"), ("C", "c")])
def test_the_file_name_gives_the_language(tmp_path, name, language):
    write(tmp_path / "code-medium" / f"{name}.json", [row("给出代码", "```\nx = 2;\n```"), row("给出代码", "x = 1;")])
    assert [(e.language, e.output) for e in read(codegpt.SOURCE, tmp_path)] == [
        (language, "x = 2;"),
        (language, "x = 1;"),
    ]


def test_interview_questions_are_rejected(tmp_path):
    write(tmp_path / "code-text" / "Java.json", [row("什么是JVM？", "Java虚拟机。")])
    assert reasons(read(codegpt.SOURCE, tmp_path)) == [("no-code-task", "an interview question from code-text")]


def gbk_zip(path, name, content):
    """A zip archive whose member's name is in GBK, without the flag that it is in UTF-8."""
    stand_in = b"?" * len(name.encode("gbk"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("code-text")
        archive.writestr(zipfile.ZipInfo(stand_in.decode()), content)
    path.write_bytes(path.read_bytes().replace(stand_in, name.encode("gbk")))
    return path


def test_member_names_in_gbk_are_readable(tmp_path):
    archive = gbk_zip(tmp_path / "a.zip", "code-text/算法.json", '[{"user": "甲", "assistant": "乙"}]')
    (shard,) = codegpt.find(archive)
    assert shard.name == "a.zip/code-text/算法.json"
    assert reasons(codegpt.read(shard)) == [("no-code-task", "an interview question from code-text")]
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]  # nothing is unpacked under a member's name


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("plain", Unfenced("plain", "")),
        ("```\n```", Unfenced("", "")),
        ("``````", None),
        ("```py\nx\n```", Unfenced("x", "py")),
        ("```py\nx```", Unfenced("x", "py")),
        ("```py\nx\n```\n```js\ny\n```", Unfenced("```py\nx\n```\n```js\ny\n```", "py")),
        ("```py\nx", None),
        ("x\n```", None),
    ],
)
def test_fences_around_the_whole_answer_are_removed(given, answer):
    assert unfenced(given) == answer


def test_rows_are_unchanged_chinese_instructions(tmp_path):
    write(tmp_path / "code-medium" / "java.json", [row("用Java如何读取文件？", "```java\nint a;\n```")])
    (entry,) = read(codegpt.SOURCE, tmp_path)
    example = make_example(TASKS["code-generation"], entry, "codegpt", 0)
    assert (example.instruction, example.input, example.output) == ("用Java如何读取文件？", "", "int a;")
    assert (example.language, example.text_language) == ("java", "cn")


def test_a_question_in_other_words_gives_no_row(tmp_path):
    questions = [
        "用Java如何读取文件？",
        "用 java 读取一个文件；",
        "用Java如何读取文件？",
        "用Java写入文件",
        "用Java计算 a+b",
        "用Java计算 a-b",
    ]
    write(tmp_path / "code-medium" / "java.json", [row(asked, "```java\nint a;\n```") for asked in questions])
    found = read(codegpt.SOURCE, tmp_path)
    assert [e.instruction for e in good(found)] == [questions[0], questions[2], *questions[3:]]
    assert [(e.reason, e.detail) for e in found if isinstance(e, Rejected)] == [("duplicate", "asks the same as row 1")]


def test_lost_and_doubled_line_ends_are_restored(tmp_path):
    doubled = "```python\ndef f(x):\n\n    if x:\n\n        return 1\n\n    return 2\n```"
    joined = "```c\nint f() {     int a = 1;     return a; }\n```"
    write(tmp_path / "code-leetcode" / "leetcode.json", [row("请用python完成", doubled), row("请用C完成", joined)])
    assert [(e.language, e.output) for e in good(read(codegpt.SOURCE, tmp_path))] == [
        ("python", "def f(x):\n    if x:\n        return 1\n    return 2"),
        ("c", "int f() {\n    int a = 1;\n    return a; }"),
    ]


def asked(tmp_path, question, answer, part="code-medium/Python3"):
    """The instruction and the output of one row, or why it is rejected."""
    write(tmp_path / f"{part}.json", [row(question, answer)])
    (entry,) = read(codegpt.SOURCE, tmp_path)
    return entry.reason if isinstance(entry, Rejected) else (entry.instruction, entry.output)


def test_marks_between_the_questions_of_a_list_are_removed(tmp_path):
    assert asked(tmp_path, "用python3排序；", "xs.sort()\nxs = []") == ("用python3排序", "xs.sort()\nxs = []")
    assert asked(tmp_path, "用python3如何排序？；", "xs = []") == ("用python3如何排序？", "xs = []")


def test_statements_of_problems_get_their_exponents_back(tmp_path):
    part = "code-leetcode/leetcode"
    asks = "请用python完成以下题目：\n反转整数。\n提示：\n\t-231 <= x <= 231 - 1"
    assert asked(tmp_path, asks, "x = 1", part)[0].endswith("-2^31 <= x <= 2^31 - 1")
    assert asked(tmp_path, "请用python完成以下题目：\n i2 == -1", "x = 1", part) == "lost-exponent"


def test_questions_about_one_function_are_rejected(tmp_path):
    question = "这是关于Python3中`math.gcd()`的问题。请编写一个程序。"
    assert asked(tmp_path, question, "import math\nprint(math.gcd(4, 6))", "code-basic/Python3") == "unreliable-part"


def test_programs_in_c_get_the_headers_that_they_lack(tmp_path):
    code = '#include <stdio.h>\nint main() { printf("%d", atoi("7")); return 0; }'
    assert asked(tmp_path, "用C转换", code, "code-medium/C")[1].startswith(
        "#include <stdio.h>\n#include <stdlib.h>\nint"
    )


@pytest.mark.slow
def test_the_real_slice():
    found = read(codegpt.SOURCE, shared_data() / "codegpt")
    assert len(found) == 19220
    assert Counter(reason for reason, _ in reasons(found)) == {
        "unreliable-part": 4281,
        "duplicate": 3552,
        "no-code-task": 1630,
        "undefined-name": 386,
        "does-not-parse": 163,
        "known-mistake": 59,
        "unfinished-code": 27,
        "lost-exponent": 3,
        "empty-output": 2,
    }
    assert Counter(e.language for e in good(found)) == {
        "python": 3757,
        "javascript": 1309,
        "ruby": 979,
        "php": 751,
        "csharp": 735,
        "go": 516,
        "cpp": 478,
        "c": 371,
        "java": 215,
        "sql": 6,
    }
    by_place = {(e.origin.path, e.origin.row): e for e in found}
    path = "CodeGPT-Dataset-V1-CN.zip/code-medium/C#.json"
    assert by_place[path, "1"] == Instruction(
        language="csharp",
        instruction="用C#如何读取一个文本文件的所有内容？",
        input="",
        output='string filePath = "文件路径";\nstring text = File.ReadAllText(filePath);',
        licence="Apache-2.0",
        origin=by_place[path, "1"].origin,
        text_language="cn",
    )
    algorithms = by_place["CodeGPT-Dataset-V1-CN.zip/code-text/算法.json", "1"]
    assert isinstance(algorithms, Rejected)
    contents = Counter((e.instruction, e.output) for e in good(found))
    assert sum(contents.values()) - len(contents) == 57  # repeats, which the search for duplicates removes


def test_an_unpacked_archive_gives_the_same_rows(tmp_path):
    archive = shared_data() / "codegpt" / "CodeGPT-Dataset-V1-CN.zip"
    wanted = "code-medium/Go.json"
    with zipfile.ZipFile(archive) as packed:
        write(tmp_path / wanted, packed.read(wanted))
    packed_rows = [s for s in codegpt.find(archive) if s.name.endswith(wanted)]
    assert without_places(read(codegpt.SOURCE, tmp_path)) == without_places(codegpt.read(packed_rows[0]))
