import pytest

from coma_cli.errors import MissingInputError
from coma_cli.models.model_files import ModelFiles, opened
from tests.qwen_of_2023 import make_original
from tests.requirements import package


def test_the_shards_of_a_folder_are_those_of_its_index(tmp_path):
    package("torch", "train")
    several = ModelFiles.in_folder("m", make_original(tmp_path / "two"))
    assert several.shards() == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert ModelFiles.in_folder("m", make_original(tmp_path / "one", shards=1)).shards() == ("model.safetensors",)
    pickled = ModelFiles.in_folder("m", make_original(tmp_path / "pickled", pickled=True))
    assert pickled.shards() == ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


def test_a_missing_file_is_named(tmp_path):
    files = ModelFiles.in_folder("m", tmp_path)
    assert files.json("generation_config.json") == {}
    with pytest.raises(MissingInputError, match=r"m lacks qwen\.tiktoken"):
        files.get("qwen.tiktoken")
    with pytest.raises(MissingInputError, match="m has no weights"):
        files.shards()


class Bomb:
    """Runs code when it is unpickled by anything but a restricted unpickler."""

    def __init__(self, proof) -> None:
        self.proof = proof

    def __reduce__(self):
        return (open, (str(self.proof), "w"))


def test_pickled_weights_run_no_code(tmp_path):
    package("torch", "train")
    import torch

    torch.save({"transformer.wte.weight": Bomb(tmp_path / "it-ran")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(MissingInputError, match="can't be read"), opened(tmp_path / "pytorch_model.bin") as content:
        list(content)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_damaged_weights_are_named(tmp_path, name):
    package("torch", "train")
    (tmp_path / name).write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(MissingInputError, match=f"{name} can't be read"), opened(tmp_path / name) as content:
        list(content)
