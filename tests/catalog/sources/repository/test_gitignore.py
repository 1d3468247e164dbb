import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coma_cli.catalog.sources.repository.gitignore import is_ignored, parse_rule, read_rules
from tests.requirements import skip_unless

CASES = [
    ("*.log", "a.log", False, True),
    ("*.log", "deep/down/a.log", False, True),
    ("*.log", "a.logs", False, False),
    ("/only_top.py", "only_top.py", False, True),
    ("/only_top.py", "sub/only_top.py", False, False),
    ("build/", "build", True, True),
    ("build/", "build", False, False),
    ("build/", "x/build", True, True),
    ("docs/*.py", "docs/a.py", False, True),
    ("docs/*.py", "docs/x/a.py", False, False),
    ("docs/*.py", "x/docs/a.py", False, False),
    ("**/gen/*.py", "a/b/gen/c.py", False, True),
    ("**/gen/*.py", "gen/c.py", False, True),
    ("a/**/b.py", "a/b.py", False, True),
    ("a/**/b.py", "a/x/y/b.py", False, True),
    ("a/**", "a/x/y", False, True),
    ("file?.py", "file1.py", False, True),
    ("file?.py", "file/.py", False, False),
    ("[ab].py", "a.py", False, True),
    ("[!ab].py", "a.py", False, False),
    ("[!ab].py", "c.py", False, True),
    (r"\#x.py", "#x.py", False, True),
    (r"\!x.py", "!x.py", False, True),
    ("a.py  ", "a.py", False, True),
]


@pytest.mark.parametrize(("line", "path", "is_folder", "ignored"), CASES)
def test_a_line_ignores_what_git_ignores(line, path, is_folder, ignored):
    rule = parse_rule(line)
    assert rule is not None
    assert is_ignored([rule], path, is_folder) is ignored


@pytest.mark.parametrize("line", ["", "   ", "# comment", "/", "!"])
def test_lines_without_a_pattern_give_no_rules(line):
    assert parse_rule(line) is None


def test_a_later_line_takes_precedence(tmp_path):
    (tmp_path / ".gitignore").write_text("*.py\n!keep.py\n")
    rules = read_rules(tmp_path, "")
    assert is_ignored(rules, "a.py", False)
    assert not is_ignored(rules, "keep.py", False)


def test_rules_of_a_folder_apply_to_that_folder_only(tmp_path):
    (tmp_path / ".gitignore").write_text("/x.py\n*.tmp.py\n")
    rules = read_rules(tmp_path, "sub")
    assert is_ignored(rules, "sub/x.py", False)
    assert is_ignored(rules, "sub/deep/y.tmp.py", False)
    assert not is_ignored(rules, "x.py", False)
    assert not is_ignored(rules, "subway/x.py", False)


def test_no_file_no_rules(tmp_path):
    assert read_rules(tmp_path, "") == []


@given(st.text("ab*?[]!/\\.# ", min_size=1, max_size=8), st.sampled_from(["a", "a/b", "b.a", "ab/ba/a"]))
def test_no_pattern_can_break_the_reader(line, path):
    rule = parse_rule(line)
    assert rule is None or rule.matches(path, False) in (True, False)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([line for line, *_ in CASES]), min_size=1, max_size=4))
def test_git_itself_agrees(tmp_path_factory, lines):
    skip_unless("git", shutil.which("git") is not None, "git is not installed")
    folder = tmp_path_factory.mktemp("repo")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".gitignore").write_text("\n".join(lines) + "\n")
    paths = sorted({path for _, path, is_folder, _ in CASES if not is_folder and "/.py" not in path})
    asked = subprocess.run(
        ["git", "check-ignore", "--stdin", "--no-index", "-z"],
        cwd=folder,
        input="\0".join(paths),
        capture_output=True,
        text=True,
        check=False,
    )
    expected = set(asked.stdout.split("\0")) - {""}
    rules = read_rules(folder, "")
    assert {path for path in paths if _ignored_on_the_way(rules, path)} == expected


def _ignored_on_the_way(rules, path):
    parts = path.split("/")
    folders = ["/".join(parts[:n]) for n in range(1, len(parts))]
    return any(is_ignored(rules, folder, True) for folder in folders) or is_ignored(rules, path, False)
