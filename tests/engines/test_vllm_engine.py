"""vLLM alone: adapters, prompts in pieces, a full cache, and what it can't load. The contract: `test_interface.py`."""

import json
import subprocess
import sys

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("vllm")
torch = pytest.importorskip("torch")

from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402  # after the skip
from coma_cli.engines.vllm_engine import VllmEngine, VllmModel, engine_arguments  # noqa: E402
from coma_cli.errors import CliError  # noqa: E402
from coma_cli.models.adapters import read_adapter  # noqa: E402
from tests.engines.opened_vllm import opened  # noqa: E402

CONTEXT = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), context=CONTEXT, hidden=128)


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def adapter(folder, tmp_path_factory):
    """A LoRA adapter of rank 5, a rank that vLLM does not have, with an effect that can't be overlooked."""
    import peft
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    config = peft.LoraConfig(r=5, lora_alpha=10, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    torch.manual_seed(1)
    tuned = peft.get_peft_model(base, config)
    for name, weights in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.3)
    path = tmp_path_factory.mktemp("adapter")
    tuned.save_pretrained(path)
    return path


def requests(count, length=100, **decoding) -> list[GenerationRequest]:
    drawing = Decoding(**{"temperature": 0.8, "top_p": 0.95, "max_new_tokens": 8, **decoding})
    return [
        GenerationRequest(str(i), drawing, 1000 + i, prompt_ids=tuple(range(3 + i, 3 + i + length)))
        for i in range(count)
    ]


def test_many_long_prompts_at_once_are_never_computed_in_pieces(folder, tokenizer):
    """With pieces, a seeded request ends vLLM on a CPU: "CPU Generator does not use offset"."""
    with opened(folder, tokenizer, CONTEXT, arguments={"max_num_batched_tokens": 150}) as engine:
        responses = list(engine.generate(requests(20)))
    assert {response.completion_tokens for response in responses} == {8}


def test_rows_that_wait_for_cache_are_sampled_as_others(folder, tokenizer):
    many = requests(8, length=60, max_new_tokens=60)
    with opened(folder, tokenizer, CONTEXT) as engine:
        expected = {response.key: response.text for response in engine.generate(many)}
    small = VllmModel(str(folder), "float32", CONTEXT, 8, cache_bytes=2 << 18, arguments={"enforce_eager": True})
    with VllmEngine(small, tokenizer) as engine:
        assert {response.key: response.text for response in engine.generate(many)} == expected


def test_an_adapter_is_added_to_the_base(folder, tokenizer, adapter):
    import peft
    from transformers import AutoModelForCausalLM

    (request,) = requests(1, temperature=0.0, max_new_tokens=16)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    _, plain = greedy(base, request.prompt_ids)
    ids, expected = greedy(peft.PeftModel.from_pretrained(base, str(adapter)), request.prompt_ids)
    with opened(folder, tokenizer, CONTEXT, adapter=read_adapter(adapter)) as engine:
        (response,) = engine.generate([request])
        given = engine.log_probability(request.prompt_ids, ids)
    assert response.text == tokenizer.decode(ids, skip_special_tokens=True)
    assert response.log_probability == pytest.approx(expected, abs=1e-2)
    assert given == pytest.approx(expected, abs=1e-2)
    assert abs(expected - plain) > 0.1  # of the base alone


def greedy(model, prompt_ids) -> tuple[list[int], float]:
    """The sixteen tokens that a model gives greedily, and their log-probability."""
    ids, total = list(prompt_ids), 0.0
    with torch.no_grad():
        for _ in range(16):
            logs = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            ids.append(int(logs.argmax()))
            total += float(logs.max())
    return ids[len(prompt_ids) :], total


def test_the_rank_of_an_adapter_is_raised_to_one_that_vllm_has(folder, adapter):
    model = VllmModel(str(folder), "float32", CONTEXT, 8)
    assert engine_arguments(model, read_adapter(adapter))["max_lora_rank"] == 8
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["r"] == 5


def test_the_users_arguments_go_on_top_and_deterministic_turns_the_prefix_cache_off(folder):
    plain = VllmModel(str(folder), "float32", CONTEXT, 8, arguments={"tensor_parallel_size": 2})
    arguments = engine_arguments(plain, None)
    assert arguments["tensor_parallel_size"] == 2 and arguments["enable_prefix_caching"]
    assert not arguments["enable_chunked_prefill"] and arguments["max_num_batched_tokens"] >= CONTEXT
    exact = VllmModel(str(folder), "float32", CONTEXT, 8, deterministic=True)
    assert not engine_arguments(exact, None)["enable_prefix_caching"]


def test_what_vllm_cant_load_is_an_error_with_a_hint(tmp_path, tokenizer):
    (tmp_path / "config.json").write_text('{"model_type": "llama", "architectures": ["NoSuchModel"]}')
    with pytest.raises(CliError, match="vLLM can't load the model") as caught:
        VllmEngine(VllmModel(str(tmp_path), "float32", CONTEXT, 8, cache_bytes=1 << 20), tokenizer)
    assert "--engine transformers" in caught.value.hint


def test_nothing_is_written_to_stdout_and_no_statistics_are_sent(folder):
    script = f"""
import os
from transformers import AutoTokenizer
from coma_cli.engines.interface import Decoding, GenerationRequest
from tests.engines.opened_vllm import opened
with opened({str(folder)!r}, AutoTokenizer.from_pretrained({str(folder)!r}), {CONTEXT}) as engine:
    list(engine.generate([GenerationRequest("a", Decoding(max_new_tokens=3), 0, prompt_ids=(5, 6))]))
    from vllm.usage.usage_lib import is_usage_stats_enabled
    assert not is_usage_stats_enabled()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-2000:]
