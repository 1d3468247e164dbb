"""Extracts the requested text from an answer, or the reason why it can't be used. Nothing is guessed."""

import re
from dataclasses import dataclass

from coma_cli.engines.interface import GenerationResponse

# The info strings of fenced blocks by language, where it is not just the language's name.
_TAGS = {
    "python": {"python", "py", "python3"},
    "javascript": {"javascript", "js", "node", "nodejs"},
    "typescript": {"typescript", "ts"},
    "cpp": {"cpp", "c++", "cc", "cxx"},
    "csharp": {"csharp", "c#", "cs"},
    "go": {"go", "golang"},
    "ruby": {"ruby", "rb"},
    "rust": {"rust", "rs"},
    "bash": {"bash", "sh", "shell"},
}
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[ \t]*")
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


def _tagged(response: GenerationResponse, tag: str, thing: str) -> Taken | Refused:
    flaw = _without_content(response)
    if flaw is not None:
        return flaw
    text = _THOUGHT.sub("", response.text)
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
    text = _THOUGHT.sub("", response.text)
    blocks, unclosed = code_blocks(text)
    if unclosed:
        return Refused("unclosed-block", _start(text))
    if not blocks:
        return Refused("refusal" if _REFUSAL.match(text) else "no-code-block", _start(text))
    fitting = [code for tag, code in blocks if tag in _TAGS.get(language, {language})]
    if not fitting and len(blocks) == 1 and not blocks[0][0]:
        fitting = [blocks[0][1]]
    if not fitting:
        return Refused("wrong-language", ", ".join(sorted({tag or "none" for tag, _ in blocks})))
    if len(fitting) > 1:
        return Refused("several-code-blocks", f"{len(fitting)} of them")
    program = fitting[0].strip("\n").rstrip()
    return Taken(program) if program.strip() else Refused("empty")


def _without_content(response: GenerationResponse) -> Refused | None:
    if response.finish_reason == "error":
        return Refused("request-refused", response.error)
    if response.finish_reason == "length":
        return Refused("truncated", f"{response.completion_tokens} tokens")
    return None if response.text.strip() else Refused("empty")


def code_blocks(text: str) -> tuple[list[tuple[str, str]], bool]:
    """Tag (lower case) and content of every fenced block, and whether the last one is never closed.

    A block ends at a line of at least as many of the same signs as opened it (CommonMark 0.31, fenced code blocks).
    """
    blocks: list[tuple[str, str]] = []
    fence, tag, lines = "", "", list[str]()
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line.rstrip("\r"))
        if not fence:
            if match:
                fence, tag, lines = match[1], match[2].lower(), []
        elif match and match[1].startswith(fence) and not match[2]:
            blocks.append((tag, "\n".join(lines)))
            fence = ""
        else:
            lines.append(line.rstrip("\r"))
    return blocks, bool(fence)


def _start(text: str) -> str:
    return " ".join(text.split())[:120]
