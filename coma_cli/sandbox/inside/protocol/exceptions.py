"""Exceptions that a program raises and its tests catch: the built-in type, with the plain values that it holds.

The program's own classes are not sent: one of them arrives as its built-in base, with the text and the attributes that
it had. Arguments, the attributes of built-in types (`errno`, `filename`, `name`), what the program has set itself, the
cause, the context and the notes are kept as far as they are plain values.
"""

from __future__ import annotations

import builtins
import contextlib
from typing import Any

from coma_cli.sandbox.inside.protocol import values

MESSAGE_MAX = 300  # characters of the text that reports show
_CHAIN_MAX = 10  # causes of causes
_ATTRIBUTES = {
    "OSError": ("errno", "strerror", "filename", "filename2"),
    "ImportError": ("msg", "name", "path"),
    "NameError": ("name",),
    "AttributeError": ("name",),
    "StopIteration": ("value",),
    "SyntaxError": ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset"),
}
_NOTES = "__notes__"


def pack(error: BaseException, depth: int = 0) -> list[Any]:
    """Name of the built-in type and message; where these are not all, a dictionary of what else is to be set."""
    kind = _built_in_type(type(error))
    message = message_of(error)
    more: dict[str, Any] = {}
    # The program's own code may run here; without what it breaks, the message is enough.
    with contextlib.suppress(BaseException):
        more = _more(error, kind, message, depth)
    return [kind.__name__, message, more] if more else [kind.__name__, message]


def message_of(error: BaseException) -> str:
    """The start of an exception's text; none if it has no valid one."""
    try:
        return str(error)[:MESSAGE_MAX]
    except BaseException:
        return ""


def _built_in_type(kind: type[BaseException]) -> type[BaseException]:
    return next((base for base in kind.__mro__ if base.__module__ == "builtins"), Exception)


def _more(error: BaseException, kind: type[BaseException], message: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    arguments = error.args
    if arguments != ((message,) if message else ()) and _can_be_sent(arguments):
        found["args"] = tuple(arguments)
    if type(error) is not kind:
        text = str(error)
        if text != _text_of(kind, found.get("args", (message,) if message else ())):
            found["text"] = text
    if attributes := _attributes(error, kind):
        found["attributes"] = attributes
    if depth < _CHAIN_MAX:
        for name, other in (("cause", error.__cause__), ("context", error.__context__)):
            if isinstance(other, Exception):
                found[name] = pack(other, depth + 1)
    if error.__suppress_context__:
        found["suppress"] = True
    return found


def _text_of(kind: type[BaseException], arguments: tuple[Any, ...]) -> str:
    """How an exception made of these arguments would read."""
    try:
        return str(kind(*arguments))
    except Exception:
        return ""


def _attributes(error: BaseException, kind: type[BaseException]) -> dict[str, Any]:
    listed = (name for base in kind.__mro__ for name in _ATTRIBUTES.get(base.__name__, ()))
    found = {name: getattr(error, name, None) for name in listed}
    found = {name: value for name, value in found.items() if value is not None} | vars(error)
    return {name: value for name, value in found.items() if _may_be_set(name) and _can_be_sent(value)}


def _may_be_set(name: object) -> bool:
    return type(name) is str and name.isidentifier() and (not name.startswith("_") or name == _NOTES)


def _can_be_sent(value: object) -> bool:
    try:
        values.encode(value)
    except values.CrossingError:
        return False
    return True


def unpack(parts: list[Any]) -> BaseException | None:
    """The exception that was packed; None where its type is no built-in one that tests may catch."""
    name, message, more = (*parts, {})[:3] if len(parts) in (2, 3) else ("", "", {})
    if type(name) is not str or type(message) is not str or type(more) is not dict:
        return None
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return None
    arguments = more.get("args")
    error = _make(kind, arguments if type(arguments) is tuple else (message,) if message else (), message, more)
    _set_attributes(error, more.get("attributes"))
    for name, attribute in (("cause", "__cause__"), ("context", "__context__")):
        other = unpack(more[name]) if type(more.get(name)) is list else None
        if other is not None:
            setattr(error, attribute, other)
    error.__suppress_context__ = more.get("suppress") is True
    return error


def _make(kind: type[Exception], arguments: tuple[Any, ...], message: str, more: dict[str, Any]) -> Exception:
    text = more.get("text")
    if type(text) is str:
        kind = type(kind.__name__, (kind,), {"__str__": lambda self: text, "__module__": "builtins"})
    try:
        return kind(*arguments)
    except Exception:
        return Exception(message)


def _set_attributes(error: Exception, attributes: object) -> None:
    if type(attributes) is not dict:
        return
    for name, value in attributes.items():
        if _may_be_set(name):
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                setattr(error, name, value)
