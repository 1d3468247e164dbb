"""Posts of a data dump, and the dump's file."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr


def post(number: int, kind: int, body: str, **attributes: Any) -> dict[str, Any]:
    """A post by its attributes; kind 1 is a question, 2 an answer."""
    return {"Id": number, "PostTypeId": kind, "Score": 0, "Body": body, "ContentLicense": "CC BY-SA 4.0", **attributes}


def code(text: str, tag: str = "<pre><code>") -> str:
    """A block of code in a body."""
    return f"{tag}{text}</code></pre>"


def xml(posts: Iterable[Mapping[str, Any]], head: str = '<?xml version="1.0" encoding="utf-8"?>\n') -> bytes:
    """A dump's Posts.xml. No real dump is available: this follows its documented schema."""
    rows = (" ".join(f"{name}={quoteattr(str(value))}" for name, value in row.items()) for row in posts)
    content = "".join(f"  <row {row} />\r\n" for row in rows)
    return f"\ufeff{head}<posts>\r\n{content}</posts>".encode()


def question(
    number: int, title: str, tags: str = "<python><time>", body: str = "<p>Please.</p>", **attributes: Any
) -> dict[str, Any]:
    """A question."""
    return post(number, 1, body, Title=title, Tags=tags, **attributes)


def answer(number: int, parent: int, body: str, score: int = 0, **attributes: Any) -> dict[str, Any]:
    """An answer to the question `parent`."""
    return post(number, 2, body, ParentId=parent, **{**attributes, "Score": score})
