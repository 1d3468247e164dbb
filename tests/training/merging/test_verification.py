"""The figures of the comparison, and the probes that they are computed on."""

import math

import pytest

from coma_cli.prompting import TEMPLATES
from coma_cli.training.merging.probes import PROBES
from tests.requirements import package, smollm2


def test_differences_of_two_sets_of_logits():
    package("torch", "train")
    import torch

    from coma_cli.training.merging.verification import difference

    a = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.7, 0.1]])).repeat(400, 1)
    b = torch.log(torch.tensor([[0.25, 0.5, 0.25], [0.2, 0.7, 0.1]])).repeat(400, 1)
    found = difference(a, b)
    assert found.agreement == 0.5
    assert found.gap.largest == pytest.approx(math.log(2), rel=1e-5)
    assert found.divergence == pytest.approx((0.5 * math.log(2) - 0.25 * math.log(2)) / 2, rel=1e-5)
    assert found.gap.mean == pytest.approx(2 * math.log(2) / 6, rel=1e-5)
    assert difference(a, a).divergence == 0 == difference(a, a).gap.largest


@pytest.mark.slow
@pytest.mark.model
def test_the_probes_are_more_than_2000_positions():
    """For a tokenizer of 49,000 tokens under each template; one of 152,000 makes a tenth less of this text."""
    smollm2()
    from coma_cli.models.loading import load_tokenizer
    from coma_cli.models.resolution import resolve_base
    from coma_cli.training.merging.verification import probe_ids

    tokenizer = load_tokenizer(resolve_base("smollm2-135m"))
    for template in TEMPLATES:
        if template.name != "raw":
            assert sum(map(len, probe_ids(template, tokenizer, PROBES))) >= 2200, template.name


@pytest.mark.parametrize(("stored", "wide"), [("bfloat16", "float32"), ("float32", "float64")])
def test_weights_compute_in_a_wider_dtype_and_stay_as_they_are(stored, wide):
    package("torch", "train")
    import torch

    from coma_cli.training.merging.adapted import widened

    stored, wide = getattr(torch, stored), getattr(torch, wide)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 3)).to(stored)
    before = [value.data_ptr() for value in model.parameters()]
    x = torch.randn(5, 8, dtype=wide)
    with widened(model, wide):
        found = model(x)
    assert [value.data_ptr() for value in model.parameters()] == before
    assert found.dtype is wide
    assert torch.equal(found, model.to(wide)(x))
