"""What torch multiplies with is contiguous, so that it is not copied at every step."""

import pytest

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.row_cache import PIECE, RowCache  # noqa: E402  # after the skip


def states(length: int) -> list:
    torch.manual_seed(length)
    return [(torch.randn(1, 2, length, 8), torch.randn(1, 2, length, 8)) for _ in range(3)]


@pytest.mark.parametrize("exact", [True, False])
def test_keys_in_use_have_no_gaps_between_them(exact):
    cache = RowCache(6, "cpu", exact=exact)
    for slot, length in enumerate((70, 70, 5, 130)):
        cache.add(tuple(range(length)), states(length), PIECE + 7, slot)
    for _ in range(PIECE + 2):
        cache.begin_step()
    assert cache.pieces == 2
    for layer in cache.layers:
        for store, slots in ((layer.keys, cache.rows), (layer.prompt_values, cache.prompts)):
            assert all(store[piece, :slots].is_contiguous() for piece in range(len(store)))


@pytest.mark.parametrize("exact", [True, False])
def test_prompts_and_tokens_are_found_where_they_were_stored(exact):
    cache, lengths = RowCache(3, "cpu", exact=exact), (70, 5, 130)
    for slot, length in enumerate(lengths):
        cache.add(tuple(range(length)), states(length), 2 * PIECE, slot)
    for step in range(PIECE + 3):
        positions = cache.begin_step()
        assert positions[:, 0].tolist() == [length + step for length in lengths]
        new = torch.full((3, 2, 8), float(step))
        cache.store(1, new, -new)
    layer = cache.layers[1]
    held = layer.keys.permute(1, 2, 0, 3, 4).flatten(2, 3)[:, :, : PIECE + 3]
    assert torch.equal(held, torch.arange(PIECE + 3.0)[None, None, :, None].expand_as(held))
    for slot, length in enumerate(lengths):
        prompt = layer.prompt_keys[:, slot].transpose(0, 1).flatten(1, 2)[:, :length]
        assert torch.equal(prompt, states(length)[1][0][0])
        assert (cache.prompt_mask[slot] == 0).sum() == length


def test_a_moved_row_takes_its_tokens_along():
    cache = RowCache(2, "cpu")
    for slot in range(2):
        cache.add((1, 2, 3), states(3), PIECE, slot)
    cache.begin_step()
    new = torch.randn(2, 2, 8)
    cache.store(0, new, new)
    cache.remove(0)
    assert cache.rows == 1
    assert torch.equal(cache.layers[0].values[0, 0, :, 0], new[1])
    assert cache.begin_step().tolist() == [[4]]
