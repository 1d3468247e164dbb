import shutil
from contextlib import contextmanager

import pytest

from coma_cli.catalog.bases import BASES
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import read_json, write_json
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from tests.requirements import SHARED, package, skip_unless


def test_loading_gives_the_model_and_its_tokenizer(tiny_model):
    from coma_cli.models.loading import load_model, load_tokenizer

    resolved = resolve_base(str(tiny_model))
    tokenizer = load_tokenizer(resolved)
    model = load_model(resolved, "bf16", "cpu")
    assert str(model.dtype) == "torch.bfloat16"
    assert not model.training
    assert model.config.vocab_size == len(tokenizer)


def test_code_from_a_models_folder_is_never_run_unasked(tiny_model, tmp_path):
    from coma_cli.models.loading import load_model

    folder = tmp_path / "theirs"
    shutil.copytree(tiny_model, folder)
    config = read_json(folder / "config.json")
    auto = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    write_json(folder / "config.json", {**config, "model_type": "theirs", "auto_map": auto})
    proof = tmp_path / "it-ran"
    (folder / "code.py").write_text(f"open({str(proof)!r}, 'w')\n")
    with pytest.raises(UsageError, match="Python code from its own repository"):
        load_model(resolve_base(str(folder)))
    assert not proof.exists()


def test_pickled_weights_are_never_read_unasked(tiny_model, tmp_path):
    import torch

    from coma_cli.models.loading import load_model

    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model, folder)
    model = load_model(resolve_base(str(tiny_model)))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="only pickled weights"):
        load_model(resolve_base(str(folder)))
    trust = Trust(pickled=True)
    again = load_model(resolve_base(str(folder), trust=trust), trust=trust)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)


def test_a_broken_folder_is_an_error_and_no_traceback(tiny_model, tmp_path):
    from coma_cli.models.loading import load_model, load_tokenizer

    folder = tmp_path / "broken"
    shutil.copytree(tiny_model, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(MissingInputError, match="can't be loaded"):
        load_tokenizer(resolve_base(str(folder)))
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(MissingInputError, match="can't be loaded"):
        load_model(resolve_base(str(folder)))


def test_unknown_devices_and_dtypes():
    package("torch", "train")
    import torch

    from coma_cli.models.loading import choose_placement

    assert choose_placement("cpu").dtype_name == "float32"
    assert choose_placement("cpu", "bf16").dtype_name == "bfloat16"
    with pytest.raises(UsageError, match="Unknown dtype"):
        choose_placement("cpu", "int3")
    with pytest.raises(UsageError, match="Unknown device"):
        choose_placement("tpu")
    with pytest.raises(UsageError, match="device cuda:97 does not exist"):
        choose_placement("cuda:97")
    if not torch.cuda.is_available():
        assert choose_placement("auto").device == "cpu"


def test_the_chosen_gpu_is_the_one_that_is_asked_and_made_the_current_one(monkeypatch, tiny_model):
    """On a machine without GPUs: its torch is told that there are two, the second without bfloat16."""
    import torch

    from coma_cli.models.loading import choose_placement, load_model

    current = [0]

    @contextmanager
    def device(name):
        before, current[0] = current[0], int(name[-1])
        yield
        current[0] = before

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: current == [0])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_90"])
    assert choose_placement("cuda:0").dtype_name == "bfloat16"
    assert choose_placement("cuda:1").dtype_name == "float16"
    with pytest.raises(UsageError, match="device cuda:2 does not exist"):
        choose_placement("cuda:2")
    chosen: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    with pytest.raises((RuntimeError, AssertionError)):  # the real torch has no such device
        load_model(resolve_base(str(tiny_model)), torch.float32, "cuda:1")
    assert chosen == ["cuda:1"]


def test_a_weights_file_that_lacks_tensors_is_not_filled_with_random_numbers(tiny_model, tmp_path):
    from safetensors.torch import load_file, save_file

    from coma_cli.models.loading import load_model

    folder = tmp_path / "partial"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingInputError, match=r"lacks weights: model\.layers\.1\.mlp\.up_proj"):
        load_model(resolve_base(str(folder)))


def test_the_broken_special_tokens_of_decapoda_are_replaced(tmp_path):
    """Its tokenizer names a class that no library has, and empty tokens; its configuration names their ids wrongly."""
    package("sentencepiece", "train")
    source = SHARED / "bases" / "llama" / "tokenizer.model"
    skip_unless("shared", source.is_file(), "no tokenizer of LLaMA in ../shared")
    from coma_cli.models.loading import load_config, load_generation_config, load_tokenizer

    shutil.copyfile(source, tmp_path / "tokenizer.model")
    empty = {"bos_token": "", "eos_token": "", "unk_token": "", "tokenizer_class": "LLaMATokenizer"}
    write_json(tmp_path / "tokenizer_config.json", {**empty, "model_max_length": 1000000000000000019884624838656})
    write_json(tmp_path / "special_tokens_map.json", {})
    ids = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": -1}
    write_json(tmp_path / "config.json", {"architectures": ["LLaMAForCausalLM"], "model_type": "llama", **ids})
    write_json(tmp_path / "generation_config.json", ids)
    entry = BASES["llama-7b-decapoda"]
    resolved = ResolvedBase(entry.name, "folder", str(tmp_path), None, "0" * 64, entry)
    tokenizer = load_tokenizer(resolved)
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token) == ("<s>", "</s>", "<unk>")
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)
    assert tokenizer("def f():\n    return 1")["input_ids"][0] == 1
    for config in (load_config(resolved), load_generation_config(resolved)):
        assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, 2, None)


def cuda(monkeypatch, capability: tuple[int, int], built_for: list[str]) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda: capability)
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: built_for)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "A Card")


@pytest.mark.parametrize("capability", [(8, 0), (8, 6), (9, 0), (10, 0), (12, 0)])
def test_a_gpu_that_this_torch_was_built_for_is_taken(monkeypatch, capability):
    from coma_cli.models.loading import require_kernels

    cuda(monkeypatch, capability, ["sm_75", "sm_80", "sm_90a", "sm_100", "sm_120", "compute_120"])
    require_kernels()


@pytest.mark.parametrize("capability", [(7, 0), (6, 1)])
def test_an_older_gpu_than_this_torch_was_built_for_is_refused_with_the_wheel_that_has_it(monkeypatch, capability):
    from coma_cli.models.loading import require_kernels

    cuda(monkeypatch, capability, ["sm_75", "sm_80", "sm_90", "sm_100", "sm_120"])
    with pytest.raises(UsageError, match="no kernels for A Card") as caught:
        require_kernels()
    assert "whl/cu126" in caught.value.hint


def test_weights_for_a_gpu_are_loaded_onto_it_shard_by_shard(monkeypatch, tiny_model):
    """Emulated by loading onto the CPU what is meant for the GPU."""
    import torch
    import transformers

    from coma_cli.models.loading import load_model

    asked = {}
    load = transformers.AutoModelForCausalLM.from_pretrained

    def onto_the_cpu(source, **options):
        asked.update(options)
        return load(source, **{**options, "device_map": {"": "cpu"}})

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", onto_the_cpu)
    monkeypatch.setattr("torch.nn.Module.to", lambda model, device: model)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    load_model(resolve_base(str(tiny_model)), torch.float32, "cuda:0")
    assert asked["device_map"] == {"": "cuda:0"}


@pytest.mark.parametrize("native", [True, False])
def test_float16_is_replaced_for_training_on_a_cpu(monkeypatch, native):
    from coma_cli.models import loading
    from coma_cli.models.loading import choose_placement

    monkeypatch.setattr(loading, "multiplies_bfloat16", lambda: native)
    placement = choose_placement("cpu", "fp16", training=True)
    assert placement.dtype_name == ("bfloat16" if native else "float32")
    assert placement.replaced[0].startswith(f"float16 by {placement.dtype_name}")
    assert choose_placement("cpu", "fp16").dtype_name == "float16"
