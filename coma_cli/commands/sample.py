"""`coma sample`: completions of a benchmark's problems by a model."""

from pathlib import Path
from typing import Annotated

import typer

from coma_cli.commands import options
from coma_cli.commands.execute import execute

_DRAWING, _MACHINE = "Drawing", "Model and machine"


@options.with_shared_options
def sample(
    shared: options.Shared,
    bench: Annotated[
        str | None,
        typer.Option("--bench", help="humaneval, humaneval+, mbpp, mbpp+ or mbpp-sanitized (humaneval)."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "--model-name-or-path",
            help="Run, model folder, catalogue name or hub id; default: the merge of the newest finetune.",
        ),
    ] = None,
    n: Annotated[int | None, typer.Option("-n", "--n-samples", help="Completions a problem (1).")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Only the first so many problems.")] = None,
    task_ids: Annotated[
        str | None, typer.Option("--task-ids", metavar="ID,...", help="Only these problems, as HumanEval/3 or 3.")
    ] = None,
    bench_data: Annotated[
        Path | None, typer.Option("--bench-data", metavar="FILE", help="The benchmark's published file.")
    ] = None,
    temperature: Annotated[
        str | None,
        typer.Option(
            "--temperature", metavar="T,...", help="One or several; 0 is greedy (0.2).", rich_help_panel=_DRAWING
        ),
    ] = None,
    top_p: Annotated[float | None, typer.Option("--top-p", help="Nucleus (0.95).", rich_help_panel=_DRAWING)] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Likeliest tokens to draw from (all).", rich_help_panel=_DRAWING)
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option("--max-new-tokens", help="Tokens a completion (512).", rich_help_panel=_DRAWING)
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", help="auto, chat, alpaca, capybara, chatml, raw, or a Jinja file (auto)."),
    ] = None,
    allow_template_mismatch: Annotated[
        bool | None,
        typer.Option("--allow-template-mismatch", help="Accept a template that the model was not tuned with."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", help="auto, transformers or openai (auto).", rich_help_panel=_MACHINE)
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Address of an OpenAI-compatible server.", rich_help_panel=_MACHINE),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", help="Rows computed together (as memory permits).", rich_help_panel=_MACHINE),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", rich_help_panel=_MACHINE)
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option("--dtype", help="auto, float32, bfloat16 or float16.", rich_help_panel=_MACHINE),
    ] = None,
    revision: Annotated[
        str | None, typer.Option("--revision", help="Commit or tag on the hub.", rich_help_panel=_MACHINE)
    ] = None,
    trust_remote_code: Annotated[
        bool | None,
        typer.Option("--trust-remote-code", help="Run the model's own Python code.", rich_help_panel=_MACHINE),
    ] = None,
    allow_pickle: Annotated[
        bool | None, typer.Option("--allow-pickle", help="Read pickled weights.", rich_help_panel=_MACHINE)
    ] = None,
) -> None:
    """Draw completions of a benchmark's problems from a model, each row by its own seed.

    Asking for more (-n, --limit, --task-ids) goes on with the same run. Killed at any moment, the same command ends in
    the same rows.
    """
    flags = {
        "bench": bench,
        "model": model,
        "n": n,
        "limit": limit,
        "task_ids": options.parse_list(task_ids),
        "bench_data": bench_data,
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "max_new_tokens": max_new_tokens,
        "template": template,
        "allow_template_mismatch": allow_template_mismatch,
        "engine": engine,
        "revision": revision,
        "dtype": dtype,
        "runtime.base_url": base_url,
        "runtime.batch_size": batch_size,
        "runtime.device": device,
        "runtime.trust_remote_code": trust_remote_code,
        "runtime.allow_pickle": allow_pickle,
    }
    execute("sample", shared, flags)
