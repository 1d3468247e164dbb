"""Files of weights are written one tensor at a time, as safetensors reads them, with the permissions of the umask."""

import os
import stat

import pytest

from tests.requirements import package

pytestmark = pytest.mark.filterwarnings("ignore")


def test_what_is_written_is_read_by_safetensors(tmp_path):
    package("torch", "train")
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file

    from coma_cli.training.merging.shard_file import ShardFile

    tensors = {
        "b.weight": torch.randn(3, 5),
        "a.weight": torch.randn(2, 3, 4).bfloat16(),
        "half": torch.randn(7).half(),
        "count": torch.tensor(3),
        "turned": torch.randn(4, 6).T,
    }
    path = tmp_path / "model.safetensors"
    with ShardFile(path, {name: (t.dtype, tuple(t.shape)) for name, t in tensors.items()}) as made:
        for name, tensor in tensors.items():
            assert not path.exists()
            made.add(name, tensor.float() if tensor.is_floating_point() else tensor)
    read = load_file(path)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype for name, tensor in tensors.items())
    with safe_open(path, "pt") as content:
        assert content.metadata() == {"format": "pt"}
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_an_error_leaves_no_file(tmp_path):
    package("torch", "train")
    import torch

    from coma_cli.training.merging.shard_file import ShardFile

    layout = {"x": (torch.float32, (2,)), "y": (torch.float32, (2,))}

    def write_half() -> None:
        with ShardFile(tmp_path / "a.safetensors", layout) as made:
            made.add("x", torch.ones(2))
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        write_half()
    assert not list(tmp_path.iterdir())
