"""What each engine can't do, with the reason: settings of `coma sample` by name."""

from collections.abc import Mapping

_NOT_IN_THE_API = "is not in OpenAI's API"
_OF_VLLM = "is for the vllm engine"
UNSUPPORTED: Mapping[str, Mapping[str, str]] = {
    "transformers": {"engine_args": _OF_VLLM},
    "vllm": {
        "num_beams": "is not part of vLLM's engine",
        "quantize": "rounds weights in ways that vLLM does not have; it has its own, as --engine-arg quantization=fp8",
    },
    "openai": {
        "num_beams": _NOT_IN_THE_API,
        "repetition_penalty": _NOT_IN_THE_API,
        "min_new_tokens": _NOT_IN_THE_API,
        "quantize": "is decided by the server",
        "max_length": "needs the tokens of the prompt, which only the server counts",
        "engine_args": _OF_VLLM,
    },
}
_OPTIONS = {"max_length": "--set max_length", "engine_args": "--engine-arg"}


def option_of(name: str) -> str:
    """How a setting is given on the command line."""
    return _OPTIONS.get(name, f"--{name.replace('_', '-')}")
