import subprocess
import sys

import pytest

from coma_cli.errors import CliError, MissingInputError
from coma_cli.jsonl import read_json, write_json
from coma_cli.models.qwen import conversion
from coma_cli.models.resolution import resolve_base
from tests.qwen_of_2023 import make_original, original_logits, random_weights
from tests.requirements import package


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    package("torch", "train")
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))


def folders(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache" / "bases").iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize(("shards", "pickled"), [(1, False), (3, False), (2, True)])
def test_a_folder_of_the_original_layout_loads_as_any_other(tmp_path, shards, pickled, capsys):
    import torch

    from coma_cli.models.loading import load_generation_config, load_model, load_tokenizer

    original = make_original(tmp_path / "theirs", shards=shards, pickled=pickled)
    resolved = resolve_base(str(original))
    assert resolved.blocker is None
    tokenizer = load_tokenizer(resolved)
    assert len(folders(tmp_path)) == 1  # the tokenizer needs no weights
    model = load_model(resolved, "float32", "cpu")
    config = read_json(original / "config.json")
    ids = torch.tensor([tokenizer("def add(a, b):\n    return 你好")["input_ids"]])
    with torch.inference_mode():
        expected = original_logits(random_weights(config), config, ids)
        assert (model(ids).logits - expected).abs().max() < 1e-4 * expected.abs().max()
    generation = load_generation_config(resolved)
    assert generation.eos_token_id == generation.pad_token_id == tokenizer.eos_token_id == model.config.eos_token_id
    assert (generation.top_p, model.config.max_position_embeddings, tokenizer.model_max_length) == (0.8, 512, 512)
    load_model(resolve_base(str(original)), "float32", "cpu")
    assert capsys.readouterr().err.count("to the Qwen2 layout") == 1
    made = next(path for path in (tmp_path / "cache" / "bases").iterdir() if path.name.endswith("-v1"))
    assert all(path.stat().st_mode & 0o044 for path in made.iterdir())
    assert read_json(made / "config.json")["dtype"] == "bfloat16"


@pytest.mark.slow
def test_a_conversion_that_was_killed_continues_with_the_missing_shard(tmp_path):
    """The process ends with no chance to clean up, after its second shard of four."""
    from coma_cli.models.loading import load_model

    original = make_original(tmp_path / "theirs", shards=4)
    program = (
        "import os, sys\n"
        "from coma_cli.models.loading import load_model, qwen\n"
        "from coma_cli.models.resolution import resolve_base\n"
        "write, written = qwen.write_shard, []\n"
        "def write_two(source, target):\n"
        "    if len(written) == 2:\n"
        "        target.with_name('.' + target.name + '.part').write_bytes(b'half')\n"
        "        os._exit(9)\n"
        "    write(source, target)\n"
        "    written.append(target)\n"
        "qwen.write_shard = write_two\n"
        "load_model(resolve_base(sys.argv[1]), 'float32', 'cpu')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(original)], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    (part,) = (tmp_path / "cache" / "bases").glob(".making-*")
    first = sorted(part.glob("*.safetensors"))
    assert [path.name for path in first] == [f"model-0000{n}-of-00004.safetensors" for n in (1, 2)]
    before = [path.stat().st_mtime_ns for path in first]
    load_model(resolve_base(str(original)), "float32", "cpu")
    (made,) = (path for path in (tmp_path / "cache" / "bases").iterdir() if path.name.endswith("-v1"))
    assert [(made / path.name).stat().st_mtime_ns for path in first] == before
    assert not list(made.glob(".*"))


def test_another_revision_is_another_folder(tmp_path):
    from coma_cli.models.loading import load_tokenizer

    original = make_original(tmp_path / "theirs")
    load_tokenizer(resolve_base(str(original)))
    write_json(original / "config.json", {**read_json(original / "config.json"), "seq_length": 256})
    assert load_tokenizer(resolve_base(str(original))).model_max_length == 256
    assert len(folders(tmp_path)) == 2


def test_a_model_tuned_to_chat_ends_its_turns(tmp_path):
    from coma_cli.models.loading import load_generation_config, load_tokenizer

    original = make_original(tmp_path / "theirs")
    path = original / "generation_config.json"
    write_json(path, {**read_json(path), "chat_format": "chatml"})
    resolved = resolve_base(str(original))
    tokenizer = load_tokenizer(resolved)
    assert tokenizer.eos_token == "<|im_end|>"
    assert load_generation_config(resolved).eos_token_id == tokenizer.convert_tokens_to_ids(
        ["<|im_end|>", "<|endoftext|>"]
    )


def test_what_is_wrong_with_the_files_is_said(tmp_path, monkeypatch):
    from coma_cli.models.loading import load_model, load_tokenizer

    cut = make_original(tmp_path / "cut")
    lines = (cut / "qwen.tiktoken").read_bytes().splitlines(keepends=True)
    (cut / "qwen.tiktoken").write_bytes(b"".join(lines[:-5]))
    with pytest.raises(MissingInputError, match="does not agree with its configuration"):
        load_tokenizer(resolve_base(str(cut)))

    partial = make_original(tmp_path / "partial")
    index = partial / "model.safetensors.index.json"
    only = {name: shard for name, shard in read_json(index)["weight_map"].items() if "00001" in shard}
    write_json(index, {"weight_map": only})
    with pytest.raises(MissingInputError, match="lacks weights"):
        load_model(resolve_base(str(partial)), "float32", "cpu")

    large = make_original(tmp_path / "large")
    index = large / "model.safetensors.index.json"
    write_json(index, {**read_json(index), "metadata": {"total_size": 10**18}})
    with pytest.raises(CliError, match="GB free"):
        load_model(resolve_base(str(large)), "float32", "cpu")

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "file"))
    with pytest.raises(CliError, match="can't be converted into"):
        load_tokenizer(resolve_base(str(make_original(tmp_path / "good"))))


def test_which_configurations_are_converted():
    assert conversion.is_original({"model_type": "qwen"})
    assert not any(map(conversion.is_original, ({"model_type": "qwen2"}, {}, None, [])))
