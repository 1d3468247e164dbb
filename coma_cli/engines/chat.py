"""The chat-completions and completions protocols as values: the content of a request, and its fields on the wire.

Source of the protocols: OpenAI's API reference, "Create chat completion" and "Create completion"; vLLM, llama.cpp,
Ollama and others speak them, and add `chat_template_kwargs`. `replies` reads what comes back.
"""

import json
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from coma_cli.engines.interface import GenerationRequest
from coma_cli.models.prices import LimitField, remote_model
from coma_cli.settings import Flag, Kind, Unset

SERVER = "Model server"  # the panel of its options
_SEED_BITS = 31  # servers differ in how large a seed they take
# Fields that a server may refuse without making the call impossible.
LEFT_OUT = frozenset({"temperature", "top_p", "seed", "response_format"})
OTHER_LIMIT = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


class Connection(BaseModel):
    """The connection to a chat server. None of it is part of a request's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[
        str | None, Flag("--base-url", panel=SERVER), Kind("URL"), Unset("OpenAI, or OPENAI_BASE_URL")
    ] = Field(default=None, description="Base URL of an OpenAI-compatible server, as http://localhost:8000/v1")
    same_as: Annotated[str | None, Flag("--same-as", panel=SERVER), Kind("URL"), Unset("the server itself")] = Field(
        default=None,
        description="Count this server's answers as those of that one, such as the same model's former URL",
    )
    concurrency: int = Field(default=16, ge=1, le=1024, description="Maximum number of concurrent requests")
    requests_per_minute: Annotated[
        float | None, Flag("--requests-per-minute", panel=SERVER), Unset("as the server says")
    ] = Field(default=None, gt=0, description="Requests per minute that the server allows")
    tokens_per_minute: Annotated[
        float | None, Flag("--tokens-per-minute", panel=SERVER), Unset("as the server says")
    ] = Field(default=None, gt=0, description="Tokens per minute that the server allows, of prompts and answers")
    batch_api: Annotated[bool, Flag("--batch-api", panel=SERVER)] = Field(
        default=False, description="Send requests in batches (OpenAI's Batch API): half the price, within 24 hours"
    )
    batch_poll_s: float = Field(default=30.0, gt=0, description="Wait between two looks at a batch (s)")
    batch_requests: int = Field(default=50_000, ge=1, le=50_000, description="Maximum number of requests in a batch")
    timeout_s: float = Field(default=120.0, gt=0, description="Timeout of one request (s)")
    attempts: int = Field(default=6, ge=1, description="Attempts per request before it counts as failed")
    first_wait_s: float = Field(
        default=0.5, gt=0, description="Wait before the second attempt (s); doubles with each attempt"
    )
    longest_wait_s: float = Field(
        default=120.0, gt=0, description="Maximum wait between attempts (s), Retry-After included"
    )
    limit_field: Literal["auto"] | LimitField = Field(
        default="auto", description="Name of the request field that limits an answer's tokens; auto: by model"
    )
    send_seed: bool = Field(default=True, description="Send each row's seed; some servers reject the field")


def content_of(request: GenerationRequest, model: str, server: str = "") -> dict[str, Any]:
    """The content of a request as plain JSON, which is hashed as the answer's key.

    `server` tells apart servers whose models may differ under one name: without it, an answer counts as that of any.
    """
    decoding = request.decoding
    settings = {
        "temperature": float(decoding.temperature),
        "top_p": float(decoding.top_p),
        "top_k": decoding.top_k,
        "max_new_tokens": decoding.max_new_tokens,
        "seed": request.seed % (1 << _SEED_BITS),
        "stop": list(request.stop_texts),
    }
    if request.chat_options:
        settings["chat_template_kwargs"] = dict(request.chat_options)
    if server:
        settings["server"] = server
    if request.json_schema:
        schema = {"name": "answer", "strict": True, "schema": json.loads(request.json_schema)}
        settings["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.prompt:
        return {"model": model, "prompt": _sendable(request.prompt), **settings}
    messages = [{"role": "system", "content": _sendable(request.system)}] if request.system else []
    messages.append({"role": "user", "content": _sendable(request.instruction)})
    return {"model": model, "messages": messages, **settings}


def texts_of(content: dict[str, Any]) -> list[str]:
    """The texts that a request sends: its messages, or the prompt to complete."""
    return [content["prompt"]] if "prompt" in content else [message["content"] for message in content["messages"]]


def _sendable(text: str) -> str:
    """Text that can be encoded as UTF-8: lone surrogates become question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def wire_of(content: dict[str, Any], connection: Connection, refused: Collection[str] = ()) -> dict[str, Any]:
    """The fields of the call; defaults are omitted, since not every server knows them.

    `refused` are fields that this server has refused, which are not sent: those of `LEFT_OUT`; `system`, whose text
    goes before the user's; and one name of the limit of tokens, for which the other is used.
    """
    asked = "prompt" if "prompt" in content else "messages"
    wire: dict[str, Any] = {name: content[name] for name in ("model", asked, "temperature")}
    if asked == "messages" and "system" in refused:
        wire["messages"] = _without_system(content["messages"])
    limit = "max_tokens" if asked == "prompt" else _limit_field(content["model"], connection)
    wire[OTHER_LIMIT[limit] if limit in refused else limit] = content["max_new_tokens"]
    if content["top_p"] < 1:
        wire["top_p"] = content["top_p"]
    # Not in OpenAI's API; vLLM and others accept it.
    extra: dict[str, Any] = {"top_k": content["top_k"]} if content["top_k"] > 0 else {}
    if "chat_template_kwargs" in content:
        extra["chat_template_kwargs"] = content["chat_template_kwargs"]
    if extra:
        wire["extra_body"] = extra
    if content["stop"]:
        wire["stop"] = content["stop"]
    if "response_format" in content:
        wire["response_format"] = content["response_format"]
    if connection.send_seed:
        wire["seed"] = content["seed"]
    return {name: value for name, value in wire.items() if name not in LEFT_OUT or name not in refused}


def _without_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """One message of the user that begins with the text of the system's."""
    return [{"role": "user", "content": "\n\n".join(message["content"] for message in messages)}]


def _limit_field(model: str, connection: Connection) -> str:
    if connection.limit_field != "auto":
        return connection.limit_field
    known = remote_model(model)
    return known.limit_field if known else "max_tokens"
