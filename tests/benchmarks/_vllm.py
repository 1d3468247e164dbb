"""vLLM's side of `sample`'s measurement, in a process of its own: bare vLLM, or coma's engine for it.

    python -m tests.benchmarks._vllm bare|coma FOLDER CONTEXT ROWS DTYPE compiled|eager < lines of work

Each line is the JSON of a round: prompts, stop ids, n, max_new_tokens, seed. The answer is a line of JSON: completions,
tokens, and seconds of the clock and of the processor. vLLM binds threads and replaces torch's functions in its process,
so it is kept away from the others; both sides have the same arguments, requests and seeds.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Way = Callable[[dict[str, Any]], tuple[int, int]]


def bare_vllm(folder: str, context: int, rows: int, dtype: str, eager: bool) -> Way:
    """What a script without coma does: the class LLM, all requests in one call."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # its own processes get one of two cores
    from vllm import LLM, SamplingParams

    model = LLM(
        folder,
        dtype=dtype,
        max_model_len=context,
        max_num_seqs=rows,
        enable_chunked_prefill=False,
        max_num_batched_tokens=context + 2048,
        kv_cache_memory_bytes=1 << 30,
        enable_prefix_caching=True,
        generation_config="vllm",
        enforce_eager=eager,
    )

    def way(work: dict[str, Any]) -> tuple[int, int]:
        prompts, parameters = [], []
        for request in seeded(work):
            prompts.append({"prompt_token_ids": request["ids"]})
            parameters.append(
                SamplingParams(
                    temperature=work["temperature"],
                    top_p=work["top_p"],
                    top_k=work["top_k"],
                    seed=request["seed"],
                    max_tokens=work["max_new_tokens"],
                    stop_token_ids=work["stop_ids"],
                )
            )
        outputs = model.generate(prompts, parameters, use_tqdm=False)
        return len(outputs), sum(len(output.outputs[0].token_ids) for output in outputs)

    return way


def coma_vllm(folder: str, context: int, rows: int, dtype: str, eager: bool) -> Way:
    """coma's engine."""
    from transformers import AutoTokenizer

    from coma_cli.engines.interface import Decoding, GenerationRequest
    from coma_cli.engines.vllm_engine import VllmEngine, VllmModel

    model = VllmModel(folder, dtype, context, rows, cache_bytes=1 << 30, arguments={"enforce_eager": eager})
    engine = VllmEngine(model, AutoTokenizer.from_pretrained(folder))

    def way(work: dict[str, Any]) -> tuple[int, int]:
        decoding = Decoding(work["temperature"], work["top_p"], work["top_k"], work["max_new_tokens"])
        requests = [
            GenerationRequest(
                str(place),
                decoding,
                request["seed"],
                prompt_ids=tuple(request["ids"]),
                stop_ids=tuple(work["stop_ids"]),
            )
            for place, request in enumerate(seeded(work))
        ]
        return len(requests), sum(response.completion_tokens for response in engine.generate(requests))

    return way


def seeded(work: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The requests of a round, each with its own seed."""
    for place, ids in enumerate(work["prompts"]):
        for index in range(work["n"]):
            yield {"ids": ids, "seed": work["seed"] * 1_000_003 + place * work["n"] + index}


@contextmanager
def started(
    kind: str, folder: str, context: int, rows: int, dtype: str, *, eager: bool = False
) -> Iterator[Callable[[dict[str, Any]], Any]]:
    """A process for one side; the function sends it a round of work and returns its answer."""
    how = [str(context), str(rows), dtype, "eager" if eager else "compiled"]
    command = [sys.executable, "-m", "tests.benchmarks._vllm", kind, folder, *how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        sending, receiving = process.stdin, process.stdout

        def run(work: dict[str, Any]) -> Any:
            sending.write(json.dumps(work) + "\n")
            sending.flush()
            return json.loads(receiving.readline())

        yield run
        sending.close()


def main(arguments: Sequence[str]) -> None:
    """Answer lines of work until there are no more."""
    from coma_cli.engines.vllm_support import import_vllm

    kind, folder, context, rows, dtype, how = arguments
    answers, sys.stdout = sys.stdout, sys.stderr  # vLLM prints
    import_vllm()
    way = (bare_vllm if kind == "bare" else coma_vllm)(folder, int(context), int(rows), dtype, how == "eager")
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        completions, tokens = way(json.loads(line))
        took = [time.perf_counter() - wall, time.process_time() - processor]
        answers.write(json.dumps([completions, tokens, *took]) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
