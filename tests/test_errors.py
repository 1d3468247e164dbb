import pytest

from coma_cli import errors


def test_every_error_of_the_tree_has_its_own_exit_code_and_the_docstring_draws_it():
    classes = [errors.CliError, *errors.CliError.__subclasses__()]
    ours = [c for c in classes if c.__module__ == errors.__name__]
    assert sorted(c.exit_code for c in ours) == [1, 2, 3, 4, 5, 6]
    for c in ours:
        line = next(line for line in (errors.__doc__ or "").splitlines() if c.__name__ in line)
        assert str(c.exit_code) in line


@pytest.mark.parametrize(
    ("word", "guess"), [("humanevel", "humaneval"), ("MBBP", "mbpp"), ("HumanEval", "humaneval"), ("zzzz", None)]
)
def test_the_nearest_known_name_is_offered(word, guess):
    known = ["humaneval", "mbpp"]
    assert errors.nearest(word, known) == guess
    error = errors.unknown_name("benchmark", word, known)
    assert (f"Did you mean {guess}?" in error.message) == (guess is not None)
    assert error.hint == "Known: humaneval, mbpp"


def test_a_missing_package_comes_with_its_pip_line():
    assert errors.missing_package("peft", "finetune").hint == "pip install 'coma-cli[train]'"
    assert errors.missing_package("rensa", "build-data").hint == "pip install rensa"
    assert errors.missing_package("peft", "finetune").exit_code == 4
