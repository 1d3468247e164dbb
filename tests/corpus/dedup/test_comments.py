import pytest

from coma_cli.corpus.dedup.comments import without_comments


@pytest.mark.parametrize(
    ("language", "code", "bare"),
    [
        ("python", "x = 1  # one\n# two\ny = '#3'", "x = 1   \n \ny = '#3'"),
        ("python", 'def f():\n    """Doc."""\n    return 1', "def f():\n\n    return 1"),
        ("python", '"""Module."""\nimport re', " \nimport re"),
        ("python", 'query = """SELECT # all\n1"""', 'query = """SELECT # all\n1"""'),
        ("java", 'f("//no", \'"\'); // yes\n/* and\nthis */ g();', 'f("//no", \'"\');  \n  g();'),
        ("javascript", "a = `http://x`; // b", "a = `http://x`;  "),
        ("ruby", 'puts "a # b" # c', 'puts "a # b"  '),
        ("php", "#[Pure]\n$a = 1; # one", "#[Pure]\n$a = 1;  "),
        ("c", "#include <x.h>\nint a; // b", "#include <x.h>\nint a;  "),
        ("sql", "SELECT '--' -- all\nFROM t", "SELECT '--'  \nFROM t"),
        ("html", "<p>a<!-- b\nc --></p>", "<p>a </p>"),
        ("unspecified", "a // b # c", "a // b # c"),
    ],
)
def test_comments_go_and_what_only_looks_like_one_stays(language, code, bare):
    assert without_comments(language, code) == bare


def test_code_that_is_nothing_but_comments_is_unchanged():
    assert without_comments("python", "# all of it") == "# all of it"
