"""Disk and memory are checked before anything is loaded."""

import shutil

from coma_cli.catalog.bases import BASES
from coma_cli.models.resolution import resolve_base
from coma_cli.training.merging.room import Room, parameters_of, room_for


def test_a_model_of_7b_in_16_bits_is_compared_in_24_gb():
    shape = BASES["qwen-7b"].architecture
    room = room_for(shape.parameters, shape, stored="bfloat16", dtype="bfloat16", probes=16, bases=2, gguf="q8_0")
    assert 15.4e9 < room.memory < 24e9
    assert 15.4e9 + 8.2e9 < room.disk < 30e9
    single = room_for(shape.parameters, shape, stored="bfloat16", dtype="float32", probes=16, bases=1, gguf=None)
    assert single.memory > 2 * 15.4e9


def test_what_does_not_fit_is_named(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    assert not Room(disk=free // 2, memory=1000).blockers(tmp_path, 2000)
    disk, memory = Room(disk=free * 2, memory=3_000_000_000).blockers(tmp_path / "not" / "there", 2_000_000_000)
    assert "on the disk" in disk.message and str(tmp_path) in disk.message
    assert "needs 3.0 GB of memory, and this machine has 2.0 GB" in memory.message


def test_parameters_are_counted_in_the_files_of_a_folder(tiny_model):
    assert parameters_of(resolve_base(str(tiny_model)), None) == _count(tiny_model)


def _count(folder) -> int:
    from safetensors.torch import load_file

    return sum(tensor.numel() for tensor in load_file(folder / "model.safetensors").values())
