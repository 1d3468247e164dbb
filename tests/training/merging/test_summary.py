"""When a merge fails: the limits of each dtype, and those that the user sets."""

import pytest

from coma_cli.errors import CliError
from coma_cli.training.merging.settings import VerificationBlock
from coma_cli.training.merging.summary import Comparison, MergeSummary, check_limits, limits_of

GOOD = {"max_logit_difference": 5e-5, "kl_divergence": 1e-9, "greedy_agreement": 1.0, "rounded_kl_divergence": None}


def summary(*, half: bool, asked: VerificationBlock | None = None, **figures) -> MergeSummary:
    found = Comparison(
        base="published",
        positions=2500,
        mean_logit_difference=0.0,
        max_adapter_effect=3.0,
        mean_adapter_effect=0.5,
        **{**GOOD, **figures},
    )
    return MergeSummary(
        **{**found.model_dump(), "base": "tiny"},
        adapter="a",
        merged_into="the published base",
        dtype="bfloat16" if half else "float32",
        parameters=1,
        probes=16,
        limits=limits_of(asked or VerificationBlock(), found, half=half),
        other_base=None,
        template=None,
        output="m",
    )


@pytest.mark.parametrize(
    ("half", "figures"),
    [
        (False, {}),
        (False, {"greedy_agreement": 0.5}),  # exact ties; the logits decide
        (True, {"max_logit_difference": 2.0, "rounded_kl_divergence": 1e-4, "kl_divergence": 9e-4}),
        (True, {"rounded_kl_divergence": 4e-3, "kl_divergence": 7.9e-3, "greedy_agreement": 0.99}),
    ],
)
def test_what_passes(half, figures):
    check_limits(summary(half=half, **figures))


@pytest.mark.parametrize(
    ("half", "figures", "limit"),
    [
        (False, {"max_logit_difference": 1.1e-4}, "max_logit_difference 0.0001"),
        (False, {"max_logit_difference": float("nan")}, "max_logit_difference"),
        (True, {"rounded_kl_divergence": 1e-4, "kl_divergence": 1.1e-3}, "max_kl_divergence 0.001"),
        (True, {"rounded_kl_divergence": 4e-3, "kl_divergence": 8.1e-3}, "max_kl_divergence 0.008"),
        (True, {"rounded_kl_divergence": 1e-4, "greedy_agreement": 0.989}, "min_greedy_agreement 0.99"),
    ],
)
def test_what_fails_with_all_figures(half, figures, limit):
    with pytest.raises(CliError, match=limit) as caught:
        check_limits(summary(half=half, **figures))
    assert caught.value.exit_code == 1
    assert "2,500 positions" in caught.value.message and "KL divergence" in caught.value.message
    assert ("float32" in caught.value.hint) is half


def test_limits_of_the_user_come_first():
    block = VerificationBlock(max_logit_difference=1.0, max_kl_divergence=0.5, min_greedy_agreement=0.0)
    check_limits(summary(half=False, asked=block, max_logit_difference=0.9, kl_divergence=0.4))
    with pytest.raises(CliError, match=r"max_kl_divergence 0\.5"):
        check_limits(summary(half=False, asked=block, kl_divergence=0.6))
