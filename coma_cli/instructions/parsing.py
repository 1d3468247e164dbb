"""Extracts the requested text from an answer, or the reason why it can't be used. Nothing is guessed."""

import re
from dataclasses import dataclass

from coma_cli.corpus.extraction.thinking import without_thinking
from coma_cli.engines.interface import GenerationResponse
from coma_cli.formats.fences import answer_blocks
from coma_cli.formats.text import unix_lines
from coma_cli.languages import opens_block_of

NOT_STORED = "no answer is stored"  # the error of a request that --reparse may not send
_REFUSAL = re.compile(
    r"\W*(?:i(?:['’]m| am)(?: very| so)? (?:sorry|afraid|unable)|sorry\b|i (?:can(?:not|['’]t)|won['’]t|must decline)\b"
    r"|as an ai\b|unfortunately,? i\b|抱歉|对不起|很遗憾|作为一?个?(?:AI|人工智能))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Taken:
    """The requested text."""

    text: str


@dataclass(frozen=True)
class Refused:
    """Why an answer can't be used: a reason to count by, and a detail for people."""

    reason: str
    detail: str = ""


def instruction_in(response: GenerationResponse) -> Taken | Refused:
    """The instruction of a first-round answer: the text between its two tags, exactly once."""
    return _tagged(response, "instruction", "instruction")


def chinese_in(response: GenerationResponse) -> Taken | Refused:
    """The Chinese text of an answer to a request for it: the text between its two tags, exactly once."""
    return _tagged(response, "chinese", "text")


def wordings_in(response: GenerationResponse) -> Taken | Refused:
    """The wordings of an answer to a request for them, a line each: the text between its two tags, exactly once."""
    return _tagged(response, "wordings", "text")


def _tagged(response: GenerationResponse, tag: str, thing: str) -> Taken | Refused:
    flaw = _without_content(response)
    if flaw is not None:
        return flaw
    text = without_thinking(response.text).text
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL | re.IGNORECASE)
    if len(found) > 1:
        return Refused(f"several-{thing}s", f"{len(found)} of them")
    if not found:
        if _REFUSAL.match(text):
            return Refused("refusal", _start(text))
        opened = re.search(rf"<{tag}>", text, re.IGNORECASE)
        return Refused("unclosed-tag" if opened else f"no-{thing}", _start(text))
    inner = re.sub(r"\n{3,}", "\n\n", found[0]).strip()
    if not inner:
        return Refused("empty")
    return Refused("refusal", _start(inner)) if _REFUSAL.match(inner) else Taken(inner)


def program_in(response: GenerationResponse, language: str) -> Taken | Refused:
    """The program of a second-round answer: its one block of code in that language."""
    flaw = _without_content(response)
    if flaw is not None:
        return flaw
    text = without_thinking(response.text).text
    blocks, unclosed = code_blocks(text)
    if unclosed:
        return Refused("unclosed-block", _start(text))
    if not blocks:
        return Refused("refusal" if _REFUSAL.match(text) else "no-code-block", _start(text))
    fitting = [code for tag, code in blocks if opens_block_of(tag, language)]
    if not fitting and len(blocks) == 1 and not blocks[0][0]:
        fitting = [blocks[0][1]]
    if not fitting:
        return Refused("wrong-language", ", ".join(sorted({tag or "none" for tag, _ in blocks})))
    if len(fitting) > 1:
        return Refused("several-code-blocks", f"{len(fitting)} of them")
    program = fitting[0].strip("\n").rstrip()
    return Taken(program) if program.strip() else Refused("empty")


def _without_content(response: GenerationResponse) -> Refused | None:
    if response.finish_reason == "error" and response.error == NOT_STORED:
        return Refused("not-stored")
    if response.finish_reason == "error":
        return Refused("request-refused", response.error)
    if response.finish_reason == "length":
        return Refused("truncated", f"{response.completion_tokens} tokens")
    if response.text.strip():
        return None
    thought = response.reasoning_tokens or len(response.reasoning.split())
    return (
        Refused("only-reasoning", f"about {thought} tokens of reasoning, and no answer")
        if thought
        else Refused("empty")
    )


def code_blocks(text: str) -> tuple[list[tuple[str, str]], bool]:
    """Language (lower case) and content of every fenced block that is closed, and whether the last one is not."""
    blocks = list(answer_blocks(unix_lines(text)))
    closed = [(block.language, block.code.removesuffix("\n")) for block in blocks if block.closed]
    return closed, len(closed) < len(blocks)


def _start(text: str) -> str:
    return " ".join(text.split())[:120]
