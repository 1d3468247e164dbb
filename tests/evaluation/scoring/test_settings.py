import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.errors import UsageError
from coma_cli.evaluation.scoring.settings import ScoreSettings, parse_threshold
from coma_cli.settings import load_settings
from tests.requirements import ROOT

CONFIGS = sorted((ROOT / "configs" / "score").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_file_is_valid_and_complete(path):
    settings = load_settings(ScoreSettings, config=path)
    skipped = {"samples", "bench_data", "runtime", "allow_fork", "python", "share", "check_references"}
    assert set(ScoreSettings.model_fields) - skipped <= settings.model_fields_set


def test_there_is_a_file_for_each_of_the_seeds_benchmarks():
    assert {path.stem for path in CONFIGS} >= {"humaneval", "mbpp"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pass@1=0.3", (1, 0.3)),
        ("pass@10=30%", (10, 0.3)),
        (" pass@100 = .5 ", (100, 0.5)),
        ("pass@1=1", (1, 1.0)),
        ("pass@1=0", (1, 0.0)),
        ("pass@1=12.5 %", (1, 0.125)),
    ],
)
def test_thresholds(text, expected):
    assert parse_threshold(text) == pytest.approx(expected)


NO_THRESHOLDS = ["", "0.3", "pass@0=0.3", "pass@1", "pass@1=-1", "pass@1=2", "pass@1=101%", "pass@1=nan"]


@pytest.mark.parametrize("text", NO_THRESHOLDS)
def test_what_is_no_threshold(text):
    with pytest.raises(ValueError, match=r"pass@"):
        parse_threshold(text)


@given(st.text(max_size=20))
def test_any_text_is_a_threshold_or_refused(text):
    try:
        k, value = parse_threshold(text)
    except ValueError:
        return
    assert k >= 1 and 0 <= value <= 1


def test_names_of_inputs_and_the_way_of_working_are_no_part_of_a_run():
    plain = ScoreSettings()
    same = load_settings(
        ScoreSettings,
        flags={
            "bench": "mbpp",
            "samples": ["a"],
            "bench_data": "b",
            "runtime.workers": 3,
            "runtime.strict_references": True,
        },
    )
    assert plain.identity() == same.identity()
    assert plain.identity() != load_settings(ScoreSettings, flags={"timeout_s": 1.0}).identity()


def test_k_and_thresholds_say_how_much_is_computed():
    asked = load_settings(ScoreSettings, flags={"k": ["10", "1", "10"], "runtime.fail_under": ["pass@5=0.1"]})
    assert asked.k == (1, 10)
    assert asked.extent() == {"k": [1, 10], "thresholds": [5], "explain": False, "plot": False, "keep_failures": 2000}
    assert asked.identity() == ScoreSettings().identity()


def test_unknown_protocols_are_named():
    with pytest.raises(UsageError, match="unknown protocol 'best'; known: default, as-is"):
        load_settings(ScoreSettings, flags={"protocol": ["best"]})
