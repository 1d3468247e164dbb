"""Bad models, settings and servers for `coma sample`: each is one message that says what to do, never a traceback."""

import json
import shutil
from pathlib import Path

import pytest

from coma_cli.errors import CliError, MissingInputError, UsageError
from tests.chat_server import Fail, serving
from tests.evaluation.sampler import Sampler, rows_of
from tests.requirements import package
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    package("torch", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1)


@pytest.fixture
def copy(model, tmp_path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


def sampler(tmp_path: Path, folder: Path, **values) -> Sampler:
    return Sampler(tmp_path / "w", model=str(folder), limit=1, max_new_tokens=2, **values)


def test_a_folder_without_a_tokenizer(copy, tmp_path):
    for path in copy.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(MissingInputError, match=r"has no tokenizer: none of tokenizer\.json") as caught:
        sampler(tmp_path, copy)()
    assert "Copy the tokenizer" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [("config.json", r"has no config\.json"), ("model.safetensors", "lacks weights"), ("tokenizer.json", "be loaded")],
)
def test_a_folder_that_lacks_a_file_or_has_half_of_one(copy, tmp_path, name, message):
    if name == "tokenizer.json":
        (copy / name).write_text("{")
    else:
        (copy / name).unlink()
    with pytest.raises(MissingInputError, match=message):
        sampler(tmp_path, copy)()


def test_an_adapter_whose_base_is_gone(tmp_path):
    folder = tmp_path / "adapter"
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "/nowhere/base"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(CliError, match=r"adapter|base"):
        sampler(tmp_path, folder)()


def test_a_context_that_is_shorter_than_the_prompt_skips_and_counts_rows(tmp_path):
    package("torch", "train")
    folder = make_tiny_model(tmp_path / "short", layers=1, context=330)
    many = Sampler(tmp_path / "w", model=str(folder), limit=4, max_new_tokens=2, protocol="completion")
    plan = many.plan()
    long = [p.task_id for p in plan.problems if not plan.fits(p.task_id)]
    assert 0 < len(long) < 4 and any("no room for" in note for note in plan.notes)
    artifact = many()
    assert sorted(row.task_id for row in rows_of(artifact) if row.failed) == sorted(long)
    assert artifact.summary["finish_reasons"]["error"] == len(long)
    assert "leave no room in a context of 330" in artifact.summary["errors"][0]


@pytest.mark.parametrize(
    "values", [{"n": 0}, {"temperature": -1}, {"top_p": 0}, {"max_new_tokens": 0}, {"num_beams": 0}]
)
def test_numbers_that_make_no_sense(model, tmp_path, values):
    with pytest.raises(UsageError, match=f"{next(iter(values))}"):
        sampler(tmp_path, model)(**values)


def test_temperature_0_gives_one_completion_and_says_so(model, tmp_path):
    greedy = sampler(tmp_path, model, n=5, temperature=0)
    assert "Temperature 0 always gives the same completion: 1 per problem there, not 5" in greedy.plan().notes
    assert greedy().summary["samples"] == 1


def test_an_engine_that_does_not_exist(model, tmp_path):
    with pytest.raises(UsageError, match="Did you mean transformers"):
        sampler(tmp_path, model)(engine="transformer")


def ask(tmp_path: Path, **server):
    with serving(**server) as running:
        values = {"runtime__base_url": running.base_url, "runtime__attempts": 2, "runtime__first_wait_s": 0.01}
        values |= {"runtime__timeout_s": 0.5, "runtime__concurrency": 1}
        return Sampler(tmp_path / "w", model="m", limit=1, n=1, **values)()


@pytest.mark.parametrize(
    ("every", "message"),
    [
        (Fail(status=401), r"rejected the key \(401\)"),
        (Fail(status=404, message="no model m"), "has no model 'm'"),
        (Fail(status=429), "1 completion failed, 0 succeeded; the last error: 429"),
        (Fail(status=500), "1 completion failed, 0 succeeded; the last error: 500"),
        (Fail(garbage=b"<html>hello</html>"), "not a chat completion"),
        (Fail(torn=True), "1 completion failed"),
        (Fail(hang_up=True), "1 completion failed"),
        (Fail(sleep_s=1.2), "no answer in time"),
    ],
    ids=["key", "model", "429", "500", "garbage", "torn", "hang-up", "never"],
)
def test_a_server_that_does_not_answer(tmp_path, every, message):
    with pytest.raises(CliError, match=message) as caught:
        ask(tmp_path, every=every)
    assert caught.value.hint


def test_a_server_whose_messages_have_no_content(tmp_path, capsys):
    artifact = ask(tmp_path, message={"content": None})
    assert artifact.summary["empty_completions"] == 1
    assert "1 completion of 1 has no text" in capsys.readouterr().err
