"""`coma gen-instructions`: instructions and programs written by a language model from code functions, in two rounds."""

from pathlib import Path
from typing import Annotated

import typer

from coma_cli.commands import options
from coma_cli.commands.execute import execute

ModelOption = Annotated[
    str | None, typer.Option("--model", help="Model that writes, by the server's name (gpt-3.5-turbo).")
]
SeedCodeOption = Annotated[
    Path | None,
    typer.Option(
        "--seed-code", help="Code functions: folder of <language>/train.jsonl, or JSONL; default: newest build-data."
    ),
]
PendingOption = Annotated[
    str | None,
    typer.Option(
        "--pending", metavar="RUN|FILE", help="Answer what a build-data run requests in pending.jsonl, one call each."
    ),
]
NumOption = Annotated[
    int | None, typer.Option("--num", help="Code functions to use, two calls each; or requests (100).")
]
MaxUsdOption = Annotated[
    float | None, typer.Option("--max-usd", help="Dollars that this run may cost in all; never passed.")
]
EngineOption = Annotated[str | None, typer.Option("--engine", help="What asks the model: openai.")]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", help="Address of an OpenAI-compatible server, e.g. http://localhost:8000/v1."),
]
LangOption = Annotated[str | None, typer.Option("--lang", help="Language of the instructions: en or cn (en).")]


@options.with_shared_options
def gen_instructions(
    shared: options.Shared,
    model: ModelOption = None,
    seed_code: SeedCodeOption = None,
    pending: PendingOption = None,
    num: NumOption = None,
    max_usd: MaxUsdOption = None,
    engine: EngineOption = None,
    base_url: BaseUrlOption = None,
    lang: LangOption = None,
) -> None:
    """Let a language model write an instruction for each code function, then a complete program for each instruction.

    Any OpenAI-compatible server will do; the key is read from OPENAI_API_KEY. Answers are kept the moment they arrive
    and never paid for twice. With --dry-run nothing is sent and the calls, tokens and dollars are estimated.
    """
    flags = {
        "model": model,
        "seed_code": seed_code,
        "pending": pending,
        "num": num,
        "max_usd": max_usd,
        "engine": engine,
        "runtime.base_url": base_url,
        "text_language": lang,
    }
    execute("gen-instructions", shared, flags)
