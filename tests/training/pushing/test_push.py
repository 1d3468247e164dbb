import json
import shutil
import time

import pytest

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.publishing.publish import publish
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.pushing.push import push_blockers, push_model, push_notes
from coma_cli.training.settings import FinetuneSettings
from tests.hub_uploads import Fault, hub_in_use
from tests.requirements import smollm2
from tests.support.command import run_coma
from tests.training.bench import ROWS, Bench
from tests.training.pushing.runs import built, merged, scored, tuned

NAME = "lab/tuned"


@pytest.fixture
def hub(monkeypatch):
    with hub_in_use(monkeypatch, lfs_from=4000) as hub:
        yield hub


@pytest.fixture
def tuning(tmp_path):
    return tuned(tmp_path, built(tmp_path).as_input("build-data"))


def test_an_adapter_goes_to_a_private_model_once_and_a_new_score_is_pushed_later(hub, tuning, tmp_path, capsys):
    pushed = push_model(NAME, tuning, public=False)
    there = hub.repositories["model", NAME]
    assert pushed == {"url": f"{hub.address}/{NAME}", "commit": there.head.id, "changed": 6}
    assert there.private and there.head.message == "coma finetune: adapter of smollm2-135m"
    assert set(there.files) == {
        *(".gitattributes", "coma_published.json", "README.md", "loss.png"),
        *("adapter_model.safetensors", "coma_base.json", "tokenizer.json"),
    }
    assert there.files["adapter_model.safetensors"] == b"weights of run"
    assert f"Pushed (6 files changed): {hub.address}/{NAME}/tree/" in capsys.readouterr().err
    assert push_model(NAME, tuning, public=False) == {**pushed, "changed": 0}
    assert len(there.commits) == 2 and hub.count("POST .*/commit/") == 1
    scored(tmp_path, tuning)
    assert push_model(NAME, tuning, public=False)["changed"] == 3  # the card, the results, the list
    assert ".eval_results/humaneval-completion-t0.2.yaml" in there.files
    assert b"pass@1 12.3" in there.files["README.md"]
    assert hub.count("PUT /lfs") == 0, "no weights again"
    shutil.rmtree(tmp_path / "score")
    push_model(NAME, tuning, public=False)
    assert ".eval_results/humaneval-completion-t0.2.yaml" not in there.files


def test_a_merged_model_goes_with_its_gguf_file_and_the_plot_of_its_training(hub, tuning, tmp_path):
    push_model(NAME, merged(tmp_path, tuning, gguf=True), public=True)
    there = hub.repositories["model", NAME]
    assert not there.private
    assert set(there.files) >= {"model.safetensors", "config.json", "model-f16.gguf", "loss.png", "README.md"}
    assert not set(there.files) & {"settings.json", "manifest.json", "summary.json"}


def test_a_public_model_is_not_pushed_to_by_accident(hub, tuning):
    hub.add(NAME, {}, kind="model")
    with pytest.raises(UsageError, match="exists and is public") as error:
        push_model(NAME, tuning, public=False)
    assert "or add --public" in error.value.hint
    assert push_model(NAME, tuning, public=True)["changed"] == 6


def test_weights_that_were_changed_are_not_pushed(hub, tuning):
    (tuning.path / "adapter" / "tokenizer.json").write_bytes(b"[]")
    with pytest.raises(MissingInputError, match="is not what coma finetune wrote"):
        push_model(NAME, tuning, public=False)
    assert hub.count("^(?!GET)") == 0


def test_a_path_of_this_machine_in_a_file_stops_the_push(hub, tmp_path):
    data = built(tmp_path).as_input("build-data")
    place = tmp_path / "a" / "base"
    run = tuned(tmp_path, data, name=f"x-{str(place).count('/')}")
    assert push_model(NAME, run, public=False)["changed"] == 6
    (run.path / "loss.png").write_text(f"read {run.path}/adapter")
    with pytest.raises(CliError, match=r"loss\.png, line 1, holds a path of this machine"):
        push_model(NAME, run, public=False)


def test_where_a_model_goes_does_not_change_which_run_it_is():
    for kind in (FinetuneSettings, MergeSettings):
        assert kind(push_to_hub=NAME, public=True).identity() == kind().identity()


def test_what_is_known_to_fail_is_a_blocker_of_the_plan(hub, monkeypatch):
    assert push_blockers(None, public=False) == [] and push_notes(None, public=False) == []
    with pytest.raises(UsageError, match="--public is about --push-to-hub"):
        push_blockers(None, public=True)
    assert push_blockers(NAME, public=False) == []
    assert "private model lab/tuned" in push_notes(NAME, public=False)[0]
    assert "public model lab/tuned" in push_notes(NAME, public=True)[0]
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert "refuses the token" in push_blockers(NAME, public=False)[0].message


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ("GET /api/models", 401, "refuses the token"),
        ("POST .*/commit/main", 403, "may not write to lab/tuned"),
        ("POST /api/repos/create", 409, "is taken, and this token can't see it"),
    ],
)
def test_refusals_are_one_clear_line(hub, tuning, request_, status, message):
    hub.faults.append(Fault(request_, status, times=9))
    with pytest.raises(CliError, match=message):
        push_model(NAME, tuning, public=False)


def test_without_a_network_it_is_said(hub, tuning, monkeypatch):
    monkeypatch.setattr(publish, "__defaults__", ((0.01, 0.01), time.sleep))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(MissingInputError, match="can't be reached"):
        push_model(NAME, tuning, public=False)


@pytest.mark.slow
def test_an_adapter_on_a_base_in_a_folder_of_this_machine_names_it_and_stays_here(hub, tmp_path, tiny_model):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    bench = Bench(tmp_path / "ws", tiny_model, rows)
    bench()
    artifact = bench.workspace.newest("finetune")
    with pytest.raises(CliError, match=r"adapter_config\.json, line \d+, holds a path of this machine"):
        push_model(NAME, artifact, public=False)
    assert hub.count("^(?!GET)") == 0


@pytest.mark.slow
@pytest.mark.model
def test_the_command_line_tunes_and_pushes_an_adapter_that_peft_loads_from_the_hub(hub, tmp_path, monkeypatch, capfd):
    smollm2()
    from peft import PeftConfig
    from transformers import AutoTokenizer

    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    monkeypatch.chdir(tmp_path)
    command = [
        "finetune",
        "--base",
        "smollm2-135m",
        "--lora",
        "--lora-r",
        "2",
        "--data",
        "rows.jsonl",
        "--max-steps",
        "1",
    ]
    command += ["--batch-size", "1", "--workspace", "w", "--push-to-hub", NAME, "--json"]
    assert run_coma(command) == 0
    first = json.loads(capfd.readouterr().out)["published"]
    assert first["url"] == f"{hub.address}/{NAME}" and hub.repositories["model", NAME].private
    assert run_coma(command) == 0
    printed, told = capfd.readouterr()
    assert json.loads(printed)["published"] == {**first, "changed": 0} and "Already published" in told
    fetched = tmp_path / "fetched"
    for name, content in hub.repositories["model", NAME].files.items():
        (fetched / name).parent.mkdir(exist_ok=True, parents=True)
        (fetched / name).write_bytes(content)
    config = PeftConfig.from_pretrained(str(fetched))
    assert (config.base_model_name_or_path, config.r) == ("HuggingFaceTB/SmolLM2-135M-Instruct", 2)
    assert AutoTokenizer.from_pretrained(str(fetched)).chat_template
    card = (fetched / "README.md").read_text()
    assert "| rows.jsonl | 20 |" in card and "base_model: HuggingFaceTB/SmolLM2-135M-Instruct" in card
