import subprocess
import sys
from pathlib import Path

import pytest

from coma_cli.catalog.bases import DEFAULT_BASE
from coma_cli.errors import CliError
from coma_cli.hashing import hash_file
from coma_cli.jsonl import read_json
from coma_cli.models.resolution import CONVERSION_VERSION, resolve_base
from tests.requirements import smollm2


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.xdist_group("warm_coma")
def test_the_embedded_base_is_unpacked_once_completely_and_correctly(model_cache, capsys):
    """Two processes at once, with the remains of a third that was killed; first of all tests that use the base."""
    # The other process is this one: it has torch loaded, begins at once, and is at work when the new one comes.
    smollm2()
    from coma_cli.models.loading import model_folder

    program = (
        "from coma_cli.models.loading import model_folder\n"
        "from coma_cli.models.resolution import resolve_base\n"
        f"print(model_folder(resolve_base({DEFAULT_BASE!r})))\n"
    )
    expected = f"{DEFAULT_BASE}-{hash_file(Path(resolve_base(DEFAULT_BASE).path_or_id))[:16]}-v{CONVERSION_VERSION}"
    if not (model_cache / "bases" / expected).exists():
        (model_cache / "bases" / f".making-{expected}-dead").mkdir(parents=True)
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", program], **piped) as other:
        folder = Path(model_folder(resolve_base(DEFAULT_BASE)))
        printed, errors = other.communicate()
    assert other.returncode == 0, errors
    assert Path(printed.strip()) == folder == model_cache / "bases" / expected
    assert ("Unpacking" in errors) + ("Unpacking" in capsys.readouterr().err) <= 1
    assert [p for p in folder.parent.iterdir() if not p.name.endswith(".lock")] == [folder]
    check_smollm2(folder)

    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert Path(model_folder(resolve_base(DEFAULT_BASE))) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def check_smollm2(folder: Path) -> None:
    """Tied weights in bfloat16, the published splitting of digits and spaces, the end token, and sense."""
    from coma_cli.models.loading import torch, transformers

    config = read_json(folder / "config.json")
    assert (config["dtype"], config["tie_word_embeddings"]) == ("bfloat16", True)
    assert "quantization_config" not in config
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.convert_ids_to_tokens(tokenizer("[\n    1,  12]")["input_ids"]) == (
        ["[", "ĊĠĠĠĠ", "1", ",", "ĠĠ", "1", "2", "]"]
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    inputs = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert tokenizer.decode(out) == "The capital of France is Paris.<|im_end|>"


def test_an_unwritable_cache_names_the_variable(tmp_path, monkeypatch):
    from coma_cli.cache import cache_folder
    from coma_cli.models.embedded import converted

    weights, blocked = tmp_path / "model.gguf", tmp_path / "file"
    weights.write_bytes(b"x")
    blocked.write_text("")
    monkeypatch.setenv("COMA_CACHE", str(blocked))
    with pytest.raises(CliError, match="can't be unpacked into") as caught:
        converted("m", weights)
    assert "COMA_CACHE" in caught.value.hint
    monkeypatch.delenv("COMA_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(CliError, match="no home folder"):
        cache_folder()
