"""Which architectures are sampled in a continuous batch, and that the others say why not."""

import pytest

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines import row_support  # noqa: E402  # after the skip
from coma_cli.engines.row_attention import ATTENTION  # noqa: E402
from coma_cli.engines.row_support import use_row_attention  # noqa: E402
from tests.engines.small_models import COMMON, FULL, made  # noqa: E402

OTHERS = {
    "mistral": (COMMON | {"sliding_window": 16}, "sliding"),
    "gemma2": (COMMON | {"sliding_window": 16, "head_dim": 16}, "sliding attention"),
    "bloom": ({"hidden_size": 32, "n_layer": 2, "n_head": 2}, "attention by name"),
    "mamba": ({"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}, "attention by name"),
}


@pytest.mark.parametrize("kind", FULL)
def test_plain_full_attention_is_supported(kind):
    assert use_row_attention(made(kind, FULL[kind])) is None


@pytest.mark.parametrize("kind", OTHERS)
def test_others_are_left_as_they_were(kind):
    shape, why = OTHERS[kind]
    model = made(kind, shape)
    assert why in use_row_attention(model)
    assert ATTENTION not in repr(vars(model.config))


def test_a_model_whose_logits_differ_is_not_supported(monkeypatch):
    plain = row_support.plain_logits
    monkeypatch.setattr(row_support, "plain_logits", lambda model: plain(model) * 1.1)
    assert "logits differ by 0.09" in use_row_attention(made("llama", COMMON))


def test_padded_batches_are_still_right_after_the_switch():
    """`generate` and others may use the model too: its mask of padding must not be lost."""
    model = made("llama", COMMON)
    ids = torch.tensor([[0, 0, 5, 6, 7], [8, 9, 10, 11, 12]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1] * 5])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    before = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1]
    assert use_row_attention(model) is None
    after = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1]
    torch.testing.assert_close(after, before)
