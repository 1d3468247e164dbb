"""Settings that come with a protocol: what overrides them, what is reported, and what an engine refuses."""

import json

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.protocol_settings import departures, refused_options, with_model_settings
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.models.resolution import resolve_base
from coma_cli.settings import load_settings
from tests.requirements import package
from tests.tiny_model import make_tiny_model


def settings(**flags) -> SampleSettings:
    return load_settings(SampleSettings, flags={name.replace("__", "."): value for name, value in flags.items()})


def test_a_protocol_brings_its_settings_and_what_is_given_overrides_them():
    plain = settings(protocol="capybara-paper")
    assert (plain.n, plain.temperature, plain.top_p, plain.top_k) == (200, (0.1,), 0.75, 40)
    assert plain.max_new_tokens == 128
    given = settings(protocol="capybara-paper", n=20, temperature="0.8")
    assert (given.n, given.temperature, given.top_k) == (20, (0.8,), 40)
    found = departures(given, BENCHMARKS["humaneval"].sampling_protocol("capybara-paper"))
    assert found[:2] == ["n 20 instead of 200", "temperature 0.8 instead of 0.1"]


def test_the_base_that_was_not_quantized_is_reported():
    protocol = BENCHMARKS["humaneval"].sampling_protocol("capybara-paper")
    found = departures(settings(protocol="capybara-paper"), protocol)
    quantized = "quantize" in SampleSettings.model_fields
    assert found == ([] if quantized else ["the base was not quantized to int8"])


def test_other_stop_texts_are_reported_for_a_published_protocol_only():
    of = BENCHMARKS["humaneval"].sampling_protocol
    assert departures(settings(protocol="coma-paper", stop=["x"]), of("coma-paper")) == ["other stop texts"]
    assert departures(settings(stop=["x"]), of("auto")) == []


def test_protocols_differ_by_benchmark():
    assert settings(bench="MBPP", protocol="three-shot").n == 80
    assert settings(bench="humaneval", protocol="three-shot").n == 1  # refused when the run is planned


def test_the_length_counts_the_prompt():
    given = settings(protocol="coma-paper")
    assert given.max_length == 512
    assert given.decoding(0.2, 100).max_new_tokens == 412
    assert given.decoding(0.2, 511).max_new_tokens == 1
    assert settings().decoding(0.2, 500).max_new_tokens == 512


def test_line_breaks_in_stop_texts_can_be_typed():
    assert settings(stop=["\\nclass", "\\t"]).stop == ("\nclass", "\t")


def test_variables_of_a_chat_template_are_read_as_yaml():
    given = settings(chat_template_kwargs={"enable_thinking": "false", "effort": "low", "budget": "3"})
    assert given.chat_template_kwargs == {"enable_thinking": False, "effort": "low", "budget": 3}


def test_a_minimum_above_the_maximum_is_refused():
    with pytest.raises(UsageError, match="min_new_tokens is above max_new_tokens"):
        settings(min_new_tokens=20, max_new_tokens=10)


@pytest.mark.parametrize(
    ("name", "value"), [("num_beams", 4), ("repetition_penalty", 1.2), ("min_new_tokens", 3), ("max_length", 512)]
)
def test_a_server_refuses_what_its_api_lacks(name, value):
    server = {"runtime__base_url": "http://localhost:1/v1", "model": "m"}
    protocol = BENCHMARKS["humaneval"].sampling_protocol("auto")
    (error,) = refused_options(settings(**{name: value}, **server), protocol)
    assert "the openai engine has no" in error.message.lower() and "--engine transformers" in error.hint
    assert not list(refused_options(settings(**{name: value}), protocol))


def test_every_engine_refuses_what_is_not_its_own():
    protocol = BENCHMARKS["humaneval"].sampling_protocol("auto")
    for name, values, other in (
        ("vllm", {"num_beams": 4}, "transformers"),
        ("vllm", {"quantize": "int8"}, "transformers"),
        ("transformers", {"engine_args": {"tensor_parallel_size": "2"}}, "vllm"),
    ):
        (error,) = refused_options(settings(engine=name, **values), protocol)
        assert f"The {name} engine has no --" in error.message and f"--engine {other}" in error.hint
    fine = {"repetition_penalty": 1.2, "min_new_tokens": 3, "max_length": 99, "engine_args": {"enforce_eager": "true"}}
    assert not list(refused_options(settings(engine="vllm", **fine), protocol))


def test_what_a_protocol_brings_and_a_server_lacks_is_a_departure():
    protocol = BENCHMARKS["humaneval"].sampling_protocol("coma-paper")
    given = settings(protocol="coma-paper", runtime__base_url="http://localhost:1/v1", model="m")
    assert not list(refused_options(given, protocol))
    assert departures(given, protocol) == ["max_length 512 can't be applied by the openai engine"]


@pytest.fixture
def folder(tmp_path):
    package("torch", "train")
    return make_tiny_model(tmp_path / "model", layers=1)


def test_settings_that_the_authors_publish(folder):
    path = folder / "generation_config.json"
    config = {**json.loads(path.read_text()), "do_sample": True, "temperature": 0.6, "top_p": 0.9, "top_k": 20}
    path.write_text(json.dumps({**config, "repetition_penalty": 1.1}))
    used, taken = with_model_settings(settings(protocol="generation-config", top_p=0.5), resolve_base(str(folder)))
    assert (used.temperature, used.top_p, used.top_k, used.repetition_penalty) == ((0.6,), 0.5, 20, 1.1)
    assert taken == ["temperature 0.6", "top_k 20", "repetition_penalty 1.1"]


def test_authors_without_do_sample_decode_greedily(folder):
    used, taken = with_model_settings(settings(protocol="generation-config"), resolve_base(str(folder)))
    assert used.temperature == (0.0,) and "temperature 0" in taken
