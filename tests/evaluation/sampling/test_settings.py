"""Settings of sample: what may be said in several ways, what is refused, and what makes another run."""

from pathlib import Path

import pytest

from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.settings import load_settings
from tests.requirements import ROOT


def settings(**values):
    return load_settings(SampleSettings, flags={name.replace("__", "."): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("given", "meant"),
    [(0.8, (0.8,)), ("0.8", (0.8,)), ("0.2, 0.8", (0.2, 0.8)), ([0, 1], (0.0, 1.0)), (0, (0.0,))],
)
def test_one_temperature_or_several(given, meant):
    assert settings(temperature=given).temperature == meant


@pytest.mark.parametrize("given", ["warm", -1, "0.2,0.2", [0.8, 0.8000001], "", float("nan"), "0.2,inf", 11])
def test_temperatures_that_make_no_sense_are_refused(given):
    with pytest.raises(UsageError, match="temperature"):
        settings(temperature=given)


@pytest.mark.parametrize("values", [{"n": 0}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": -1}, {"max_new_tokens": 0}])
def test_amounts_out_of_range_are_refused(values):
    with pytest.raises(UsageError, match=next(iter(values))):
        settings(**values)


def test_a_single_task_id_may_be_a_number():
    assert settings(task_ids=3).task_ids == ("3",)
    assert settings(task_ids=["HumanEval/1", "2"]).task_ids == ("HumanEval/1", "2")


def test_amount_place_and_machine_are_no_identity():
    base = settings().identity()
    elsewhere = settings(
        n=7, limit=3, task_ids=["1"], bench_data=Path("x"), model="y", allow_template_mismatch=True,
        runtime__batch_size=3, runtime__device="cpu",
    )  # fmt: skip
    assert elsewhere.identity() == base
    assert settings(engine="transformers").identity() == base


ROW_CHANGES = [
    {"temperature": 0.8}, {"top_p": 0.9}, {"top_k": 5}, {"max_new_tokens": 9}, {"seed": 1}, {"bench": "mbpp"},
    {"template": "alpaca"}, {"engine": "openai"}, {"runtime__base_url": "http://x"}, {"dtype": "bf16"}, {"stop": ["x"]},
    {"protocol": "coma-paper"}, {"num_beams": 2}, {"repetition_penalty": 1.2}, {"min_new_tokens": 2},
    {"chat_template_kwargs": {"a": "1"}}, {"max_length": 99}, {"engine_args": {"quantization": "fp8"}},
]  # fmt: skip


@pytest.mark.parametrize("values", ROW_CHANGES, ids=lambda values: next(iter(values)))
def test_what_changes_rows_is_identity(values):
    assert settings(**values).identity() != settings().identity()


def test_a_template_file_counts_by_its_content_not_its_path():
    assert settings(template="a.jinja").identity() == settings(template="b/c.jinja").identity()
    assert settings(template="a.jinja").identity() != settings().identity()


def test_the_engine_follows_the_address():
    assert settings(runtime__device="cpu").engine_name == "transformers"
    assert settings(runtime__base_url="http://localhost:1/v1").engine_name == "openai"
    with pytest.raises(UsageError, match="Did you mean transformers"):
        _ = settings(engine="transformer").engine_name


@pytest.mark.parametrize(
    ("values", "words"),
    [({"num_beams": 2}, "--num-beams"), ({"deterministic": True}, "--deterministic"),
     ({"quantize": "nf4"}, "--quantize"), ({"runtime__device": "cpu"}, "--device cpu")],
)  # fmt: skip
def test_auto_does_not_choose_vllm_with_what_it_lacks(values, words):
    name, reason = settings(**values).engine_choice
    assert name == "transformers" and words in reason
    assert settings(engine="vllm", **values).engine_choice == ("vllm", "as requested")


def test_arguments_of_the_engine_are_read_as_yaml():
    given = settings(engine_args={"tensor_parallel_size": "2", "enforce_eager": "true", "quantization": "fp8"})
    assert given.engine_args == {"tensor_parallel_size": 2, "enforce_eager": True, "quantization": "fp8"}


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "sample").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_settings_are_read_and_say_how_they_are_used(path):
    assert load_settings(SampleSettings, config=path).n >= 1
    assert f"coma sample --config configs/sample/{path.name}" in path.read_text()
