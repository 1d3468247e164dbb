import pytest

from coma_cli.evaluation.comparing.compare import CompareOptions, compare
from coma_cli.evaluation.comparing.report import p_text, show
from coma_cli.evaluation.comparing.scored_run import scored_run
from tests.evaluation.scored import passing, score_run


@pytest.fixture
def shown(workspace_root, capsys, monkeypatch):
    """What is printed of runs, given as outcomes by name, on lines that nothing wraps."""
    monkeypatch.setenv("COLUMNS", "400")

    def show_runs(options=None, labels=None, **outcomes):
        runs = [
            scored_run(score_run(workspace_root, name, of), (labels or {}).get(name, name))
            for name, of in outcomes.items()
        ]
        show(compare(runs, options or CompareOptions()))
        return capsys.readouterr().out

    return show_runs


def test_no_difference_is_said_plainly_with_what_it_would_take(shown):
    text = shown(base=passing(*range(91), of=164), tuned=passing(*range(3, 95), of=164))
    assert "│ pass@1 │ 55.5 │  56.1 │ +0.6 [-3.1, +4.5]         │ 1.000 │ no difference shown │" in text
    assert "No difference between base and tuned is shown." in text
    assert "pass@1: to show 0.6 points with 80 % power takes about 9,009 problems like these\n" in text
    assert "Equivalent within 5 points: pass@1 (90 % interval -2.4 to +3.7)" in text
    assert "tuned wins 4 problems: HumanEval/91, HumanEval/92, HumanEval/93, HumanEval/94\n" in text
    assert "tuned loses 3 problems: HumanEval/0, HumanEval/1, HumanEval/2\n" in text
    assert "intervals: Tango's score interval; p: exact McNemar test\n" in text
    assert "Holm" not in text and "Partial" not in text


def test_a_difference_that_is_shown_is_named_and_long_lists_are_cut(shown):
    text = shown(base=passing(*range(20), of=100), tuned=passing(*range(70), of=100))
    assert "│ < 0.001 │ better │" in text
    assert "No difference" not in text and "80 % power" not in text
    assert "tuned wins 50 problems: HumanEval/20, " in text and "HumanEval/29 and 40 more (--json lists all)\n" in text
    assert "tuned loses no problem" in text
    assert "Partial: 100 of the 164 problems of humaneval are compared" in text


def test_several_models_and_several_figures_say_how_often_chance_shows_something(shown):
    first = {f"HumanEval/{n}": [i < n % 4 for i in range(10)] for n in range(20)}
    second = {f"HumanEval/{n}": [i < n % 5 for i in range(10)] for n in range(20)}
    text = shown(a=first, b=second, c=passing(1))
    assert "corrected for 2 comparisons with a (Holm)" in text
    text = shown(CompareOptions((1, 2)), d=first, e=second)
    assert "Each of 2 figures is tested on its own" in text
    assert "paired bootstrap over problems; p: test by swapping the models' answers" in text
    assert "HumanEval/4 (0/10 to 4/10)" in text
    assert "samples of each of these" in text or "more samples of these would not do" in text


def test_what_differs_is_said(shown):
    text = shown(CompareOptions(anyway=True), a=passing(1), b=passing(1, of=19))
    assert "Differs: problems: a: 20 problems, 1 of them not in all (HumanEval/19); b: 19 problems" in text


def test_ids_and_names_from_elsewhere_can_not_act_on_the_terminal(shown):
    evil = "\x1b]0;x\x07\x1b[2J\u202eP\n/1"
    text = shown(labels={"b": "\x1b[31mb\u2066"}, a={evil: [False], "P/2": [True]}, b={evil: [True], "P/2": [True]})
    assert "wins 1 problem: \\x1b]0;x\\x07\\x1b[2J\\u202eP\\n/1" in text
    assert "\\x1b[31mb\\u2066" in text
    assert not any(character in text for character in "\x1b\x07\u202e\u2066")


@pytest.mark.parametrize(("p", "text"), [(0.00099, "< 0.001"), (0.001, "0.001"), (0.04999, "0.050"), (1.0, "1.000")])
def test_p_values(p, text):
    assert p_text(p) == text
