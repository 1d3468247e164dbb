"""What a chat server sends back: one completion, whatever its form, or the error that it says.

Forms beside OpenAI's own: `reasoning_content` or `reasoning` beside the text (vLLM's documentation, "Reasoning
outputs"); content as a list of parts, some of them `thinking` (Mistral's API); an error in a reply with status
200 (OpenRouter's documentation, "Errors and debugging"); a stream of chunks although none was requested.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from coma_cli.records import FinishReason

_AT_THE_LIMIT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens"})
_THINKING = frozenset({"thinking", "reasoning", "reasoning_content"})
_UNKNOWN_STATUS = 500


class BadReplyError(ValueError):
    """A successful reply that is not a chat completion: truncated, or something else."""


class ErrorReplyError(Exception):
    """An error in a reply with a status of success; `status` is the one it says, 500 if it says none.

    `counted` is whether tokens were counted, so that the reply may be charged.
    """

    def __init__(self, message: str, status: int, *, counted: bool) -> None:
        super().__init__(message)
        self.status = status
        self.counted = counted


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


def read_reply(body: bytes) -> Reply:
    """The only choice of a chat completion, or of a completion. A message without content has the text "".

    Raises:
        BadReplyError: the body is not a complete chat completion. ErrorReplyError: it says an error.
    """
    value = _value(body)
    _raise_error(value)
    try:
        choice = value["choices"][0]
        message = choice["message"] if "message" in choice else {"content": choice["text"]}
        text, thought = _texts(message.get("content"))
        text = text or message.get("refusal") or ""
        reasoning = message.get("reasoning_content") or message.get("reasoning") or thought
        reason = str(choice.get("finish_reason") or "stop")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _no_completion(body, error) from None
    if not isinstance(text, str):
        raise BadReplyError("the message has no text")
    prompt, completion, thinking = _counts(value)
    return Reply(
        text,
        reason,
        prompt,
        completion,
        str(value.get("model") or ""),
        reasoning=reasoning if isinstance(reasoning, str) else "",
        reasoning_tokens=thinking or 0,
        system_fingerprint=str(value.get("system_fingerprint") or ""),
    )


def _value(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, or of a stream of chunks put together."""
    try:
        value = _joined(body) if body.lstrip().startswith((b"data:", b"event:", b": ")) else json.loads(body)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _no_completion(body, error) from None
    if not isinstance(value, dict):
        raise _no_completion(body, TypeError())
    return value


def _no_completion(body: bytes, error: Exception) -> BadReplyError:
    start = body[:60].decode("utf-8", errors="replace")
    return BadReplyError(f"the reply is not a chat completion ({type(error).__name__}; it starts {start!r})")


def _joined(body: bytes) -> dict[str, Any]:
    """A stream of chunks (server-sent events) as one completion; it must be complete."""
    whole: dict[str, Any] = {}
    said: dict[str, str] = {"content": "", "reasoning_content": ""}
    reason, ended = None, False
    for chunk in _chunks(body):
        if chunk is None:
            ended = True
            continue
        whole |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        for choice in chunk.get("choices") or []:
            delta = choice.get("delta") or {"content": choice.get("text")}
            text, thought = _texts(delta.get("content"))
            said["content"] += text
            said["reasoning_content"] += delta.get("reasoning_content") or delta.get("reasoning") or thought
            reason = choice.get("finish_reason") or reason
    if not ended and reason is None and "error" not in whole:
        raise ValueError("the stream has no end")
    return {**whole, "choices": [{"message": said, "finish_reason": reason}]}


def _chunks(body: bytes) -> Iterator[dict[str, Any] | None]:
    """The chunks of a stream, and None at its end."""
    for line in body.decode("utf-8", errors="replace").split("\n"):
        if line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            yield None if data == "[DONE]" else json.loads(data)


def _raise_error(value: dict[str, Any]) -> None:
    """Raise the error that a reply says, of itself or of its choice."""
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = value.get("error") or choice.get("error")
    if not error and choice.get("finish_reason") != "error":
        return
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    is_status = isinstance(code, int | str) and str(code).isdigit() and 400 <= int(code) < 600
    counted = any(count for count in _counts(value))
    raise ErrorReplyError(message_in({"error": error}), int(code) if is_status else _UNKNOWN_STATUS, counted=counted)  # type: ignore[arg-type]


def message_in(body: Any) -> str:
    """What the body of an error says, in OpenAI's form or another; "" if nothing is found."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(message_in, body)))
    if not isinstance(body, dict):
        return ""
    for name in ("error", "message", "detail", "msg", "title"):
        text = message_in(body.get(name))
        if text:
            place = body.get("loc")  # of a validation error: which field it is about
            return f"{'.'.join(map(str, place))}: {text}" if isinstance(place, list) else text
    return ""


def _texts(content: Any) -> tuple[Any, str]:
    """The text of a message's content and the thoughts in it; content that is not a list of parts as it is."""
    if not isinstance(content, list):
        return content or "", ""
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    text = [part["text"] for part in parts if part.get("type") not in _THINKING and "text" in part]
    thoughts = [_thought(part) for part in parts if part.get("type") in _THINKING]
    if content and not text and not thoughts:
        raise TypeError("no part is a text")
    return "".join(text), "".join(thoughts)


def _thought(part: dict[str, Any]) -> str:
    value = next((part[name] for name in (str(part["type"]), "thinking", "text") if name in part), "")
    return _texts(value)[0] if isinstance(value, list) else str(value)


def _counts(value: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Tokens of the prompt, of the completion and of its reasoning; None where the reply gives no such number."""
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("completion_tokens_details")
    details = details if isinstance(details, dict) else {}
    given = (usage.get("prompt_tokens"), usage.get("completion_tokens"), details.get("reasoning_tokens"))
    first, second, third = (n if isinstance(n, int) and not isinstance(n, bool) and n >= 0 else None for n in given)
    return first, second, third


def finish_reason(servers: str, *, with_stops: bool = True) -> FinishReason:
    """Maps a server's finish reason to one of ours; anything but the length limit is a finished answer.

    Servers say "stop" for a stop text and for the model's end token: without stop texts it can only be the latter.
    """
    if servers.lower() in _AT_THE_LIMIT:
        return "length"
    return "eos" if servers == "stop" and not with_stops else "stop"
