"""The dtype of a CPU is measured: the faster one, if clearly."""

import pytest

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.models import cpu_dtype  # noqa: E402  # after the skip


@pytest.mark.parametrize(("half", "chosen"), [(0.3, "bfloat16"), (0.9, "float32"), (5.0, "float32")])
def test_the_faster_one_if_clearly(monkeypatch, half, chosen):
    cpu_dtype.fastest_dtype.cache_clear()
    monkeypatch.setattr(cpu_dtype, "seconds", lambda dtype: half if dtype is torch.bfloat16 else 1.0)
    assert cpu_dtype.fastest_dtype() is getattr(torch, chosen)
    cpu_dtype.fastest_dtype.cache_clear()


def test_a_product_is_really_timed():
    assert 0 < cpu_dtype.seconds(torch.float32) < 10
