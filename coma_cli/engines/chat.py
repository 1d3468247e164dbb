"""The chat-completions and completions protocols as values: request content, wire format, and parsing of replies.

Source of the protocols: OpenAI's API reference, "Create chat completion" and "Create completion"; vLLM, llama.cpp,
Ollama and others speak them. They add `chat_template_kwargs` to requests and `reasoning_content` or `reasoning` to
messages (vLLM's documentation, "Reasoning outputs").
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from coma_cli.engines.interface import GenerationRequest
from coma_cli.models.prices import LimitField, remote_model
from coma_cli.records import FinishReason
from coma_cli.settings import Flag, Kind, Unset

SERVER = "Model server"  # the panel of its options
_SEED_BITS = 31  # servers differ in how large a seed they take


class Connection(BaseModel):
    """The connection to a chat server. None of it is part of a request's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[
        str | None, Flag("--base-url", panel=SERVER), Kind("URL"), Unset("OpenAI, or OPENAI_BASE_URL")
    ] = Field(default=None, description="Base URL of an OpenAI-compatible server, as http://localhost:8000/v1")
    concurrency: int = Field(default=16, ge=1, le=1024, description="Maximum number of concurrent requests")
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


class BadReplyError(ValueError):
    """A successful reply that is not a chat completion: truncated, or something else."""


@dataclass(frozen=True)
class Reply:
    """A server's answer; `finish_reason` is the server's, token counts are None if not given."""

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    served_by: str
    reasoning: str = ""
    reasoning_tokens: int = 0
    system_fingerprint: str = ""


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


def wire_of(content: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """The fields of the call; defaults are omitted, since not every server knows them."""
    asked = "prompt" if "prompt" in content else "messages"
    wire: dict[str, Any] = {name: content[name] for name in ("model", asked, "temperature")}
    limit = "max_tokens" if asked == "prompt" else _limit_field(content["model"], connection)
    wire[limit] = content["max_new_tokens"]
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
    if connection.send_seed:
        wire["seed"] = content["seed"]
    return wire


def _limit_field(model: str, connection: Connection) -> str:
    if connection.limit_field != "auto":
        return connection.limit_field
    known = remote_model(model)
    return known.limit_field if known else "max_tokens"


def read_reply(body: bytes) -> Reply:
    """The only choice of a chat completion, or of a completion. A message without content has the text "".

    Raises:
        BadReplyError: the body is not a complete chat completion.
    """
    try:
        value = json.loads(body)
        choice = value["choices"][0]
        message = choice["message"] if "message" in choice else {"content": choice["text"]}
        text = message.get("content") or message.get("refusal") or ""
        reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
        usage = value.get("usage") or {}
        details = usage.get("completion_tokens_details") or {}
        counts = [usage.get(k) for k in ("prompt_tokens", "completion_tokens")] + [details.get("reasoning_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        start = body[:60].decode("utf-8", errors="replace")
        raise BadReplyError(
            f"the reply is not a chat completion ({type(error).__name__}; it starts {start!r})"
        ) from None
    if not isinstance(text, str):
        raise BadReplyError("the message has no text")
    prompt, completion, thought = (
        n if isinstance(n, int) and not isinstance(n, bool) and n >= 0 else None for n in counts
    )
    return Reply(
        text,
        str(choice.get("finish_reason") or "stop"),
        prompt,
        completion,
        str(value.get("model") or ""),
        reasoning=reasoning if isinstance(reasoning, str) else "",
        reasoning_tokens=thought or 0,
        system_fingerprint=str(value.get("system_fingerprint") or ""),
    )


def finish_reason(servers: str, *, with_stops: bool = True) -> FinishReason:
    """Maps a server's finish reason to one of ours; anything but the length limit is a finished answer.

    Servers say "stop" for a stop text and for the model's end token: without stop texts it can only be the latter.
    """
    if servers == "length":
        return "length"
    return "eos" if servers == "stop" and not with_stops else "stop"
