"""vLLM on a tiny model, opened once for the tests of a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coma_cli.engines.vllm_engine import VllmEngine, VllmModel


@contextmanager
def opened(folder: Path, tokenizer: Any, context: int, **options: Any) -> Iterator[VllmEngine]:
    """The engine in float32 with eight rows; without compiling, which takes longer than all tests together."""
    arguments = {"enforce_eager": True, **options.pop("arguments", {})}
    model = VllmModel(str(folder), "float32", context, 8, cache_bytes=64 << 20, arguments=arguments, **options)
    with VllmEngine(model, tokenizer) as engine:
        yield engine
