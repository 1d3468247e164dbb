import pytest

from coma_cli.syntax.answers import BROKEN, MISTAKE, NO_CODE, NOT_GIVEN, UNDEFINED, UNFINISHED, fault_of_answer

PROSE = "A stack holds items. The last one that was added is the first to be removed. Most languages have one."


@pytest.mark.parametrize(
    ("language", "instruction", "output"),
    [
        ("unspecified", "What is a stack?", PROSE),
        ("python", "How do I debug a script?", "Debugging a script requires the use of a debugger such as pdb."),
        (
            "unspecified",
            "Design an algorithm.",
            "1. Begin with the first item.\n2. Compare it to the next.\n3. Repeat.",
        ),
        ("python", "What will this print?\n```\nprint(3 > 2)\n```", "True"),
        ("unspecified", "Add the two numbers:\n7 and 8", "fifteen"),
        ("unspecified", "Add the two numbers.", "15"),
        ("unspecified", "Sort the list.", "[1, 2, 3]"),
        ("unspecified", "Give a valid address.", "https://www.example.org/a?b=1"),
    ],
)
def test_prose_and_values_are_no_code(language, instruction, output):
    assert fault_of_answer(language, instruction, "", output) == (NO_CODE, "")


@pytest.mark.parametrize(
    ("language", "instruction", "output"),
    [
        ("ruby", "Make it upper case.", "text.upcase"),
        ("bash", "Make a folder.", "mkdir test"),
        ("sql", "List all employees.", "SELECT *\nFROM employees"),
        ("unspecified", "Write an expression for e-mail addresses.", r"^[\w.]+@[\w.]+$"),
        ("unspecified", "Create an array of three.", "[1, 2, 3]"),
        ("unspecified", "Which word ends a loop?", "break"),
        ("unspecified", "Make a mapping.", '{"a": 1}'),
        ("html", "Show a button.", '<button type="button">Click me!</button>'),
        ("python", "Show it.", "# A comment that explains at length what follows here.\nprint(1)"),
        ("unspecified", "Show it.", "Use a loop as follows.\n```python\nfor x in y: print(x)\n```"),
    ],
)
def test_short_code_is_code(language, instruction, output):
    assert fault_of_answer(language, instruction, "", output) is None


@pytest.mark.parametrize(
    ("language", "given", "output", "name"),
    [
        ("python", "", "print(sorted(my_list))", "my_list"),
        ("python", "my_list = [3, 1]", "print(sorted(my_list))", None),
        ("python", "", "import math\nprint(math.cube(2))", "math.cube"),
        ("go", "", 'import "strings"\n\nfunc main() { fmt.Println(strings.ToUpper("a")) }', "fmt"),
        (
            "go",
            "",
            'package main\n\nimport (\n\t"fmt"\n\tlog "x/y"\n)\n\nfunc main() { log.Print(fmt.Sprint(1)) }',
            None,
        ),
        ("go", "", "fmt.Println(1)", None),  # a piece of a program, which imports nothing
        ("go", "", 'import "os"\n\nfunc f(log Box) { sort := g(); sort.Do() }', None),
        ("c", "", "int main() { char s[9]; gets(s); }", "gets"),
        ("cpp", "", "int main() { in.gets(s); fgets(s, 9, f); }", None),
        ("javascript", "", "console.log(my_list);", "my_list"),
        ("javascript", "my_list = [1]", "console.log(my_list);", None),
        ("csharp", "", "var text = File.ReadAllText(path);", "path"),
        ("php", "", "echo strlen($text);", "$text"),
        ("php", "", "$text = 'a';\necho strlen($text);", None),
        ("ruby", "", "puts my_list", None),  # nobody can tell: it may be a method
    ],
)
def test_names_that_nothing_defines(language, given, output, name):
    found = fault_of_answer(language, "Do it.", given, output)
    assert found == (None if name is None else (UNDEFINED, name))


def test_a_name_that_the_instruction_mentions_is_there():
    asked = "Call rand7() and compare the results by assertEqual()."
    assert fault_of_answer("python", asked, "", "print(rand7())") is None


def test_an_unfinished_answer():
    assert fault_of_answer("go", "Read it, err says how.", "", "if err != nil {\n\t}") == (
        UNFINISHED,
        "if err != nil {",
    )
    assert fault_of_answer("java", "Read it.", "", "void f() {\n  // your code here\n}") == (
        UNFINISHED,
        "// your code here",
    )


@pytest.mark.parametrize(
    ("language", "output", "reason"),
    [
        ("python", "Use len():\nprint(len(x)) shows it", BROKEN),
        ("python", "print 'in Python 2'", None),
        ("javascript", "<p>\nfunction f( { alert(1)", BROKEN),
        ("java", "As follows.\n```java\nint a = 1;\n```", None),
        ("c", "#include <math.h> \nint main() { return 0; }", None),
        ("sql", "SELECT TOP 5 FROM t ORDER BY FROM", None),  # which dialect it is, nobody can tell
        ("python", "def f():\n    return 1\n    return 2", MISTAKE),
    ],
)
def test_answers_that_are_no_programs_or_hold_a_plain_mistake(language, output, reason):
    found = fault_of_answer(language, "Show x.", "", output)
    assert (found and found[0]) == reason


@pytest.mark.parametrize(
    ("instruction", "given", "fault"),
    [
        ("Fix the bug in the following code.", "", (NOT_GIVEN, "")),
        ("Fix the bug in the following code.", "x = = 1", None),
        ("Optimize this function: def f(x): return x", "", None),
        ("Write a function with the following signature.", "", None),
        ("以下代码中，哪些模块已经被加载了？", "", (NOT_GIVEN, "")),
        ("请改写以下代码：`x = 1`", "", None),
    ],
)
def test_code_that_is_not_there_can_t_be_worked_on(instruction, given, fault):
    assert fault_of_answer("ruby", instruction, given, "puts 1") == fault
