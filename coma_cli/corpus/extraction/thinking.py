"""Removes the thinking part of an answer: what a reasoning model writes before it answers is never the answer.

Tags are data: one row for each form that a model family documents. To add one, add a row.
"""

import re
from typing import NamedTuple


class Tags(NamedTuple):
    """How one family marks its thinking part."""

    opening: str
    closing: str


TAGS: tuple[Tags, ...] = (
    Tags("<think>", "</think>"),  # DeepSeek-R1, Qwen3, QwQ, GLM, Phi-4-reasoning, MiniMax, Nemotron, SmolLM3
    Tags("<thinking>", "</thinking>"),
    Tags("<thought>", "</thought>"),  # EXAONE Deep
    Tags("<thoughts>", "</thoughts>"),
    Tags("<reasoning>", "</reasoning>"),
    Tags("<reason>", "</reason>"),
    Tags("<reflection>", "</reflection>"),
    Tags("<scratchpad>", "</scratchpad>"),
    Tags("<analysis>", "</analysis>"),
    Tags("<seed:think>", "</seed:think>"),  # Seed-OSS
    Tags("[THINK]", "[/THINK]"),  # Magistral
    Tags("◁think▷", "◁/think▷"),  # Kimi
    Tags("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1
    Tags("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    Tags("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    Tags("<|think|>", "<|end|>"),  # Solar Open
    Tags("<unused94>thought", "<unused95>"),  # MedGemma
    Tags("Here is my thought process:", "Here is my response:"),  # Granite 3.2
)

_CLOSING_OF = {tags.opening.lower(): tags.closing for tags in TAGS}
# An opening tag begins a line: within a line it is a word of the text or of a program.
_OPENING = re.compile(
    r"^[ \t]*(?P<tag>" + "|".join(re.escape(tags.opening) for tags in TAGS) + ")", re.MULTILINE | re.IGNORECASE
)
# A closing tag between quotes belongs to a string of a program.
_CLOSING = re.compile(
    r"(?<!['\"`\\])(?:"
    + "|".join(re.escape(tags.closing) for tags in TAGS if tags.closing != "<|end|>")
    + r")(?!['\"`])",
    re.IGNORECASE,
)
# Harmony, the format of gpt-oss: messages on channels, of which the one on `final` is the answer.
_CHANNEL = re.compile(r"<\|channel\|>\s*(?P<channel>\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_END_OF_MESSAGE = re.compile(r"<\|(?:end|return|call|start)\|>")
# What is left of Harmony where a decoder dropped its special tokens.
_BARE_CHANNELS = re.compile(r"\Aanalysis(?=[A-Z\s]).*?assistantfinal", re.DOTALL)


class AnswerText(NamedTuple):
    """A text without its thinking parts: whether it had any (`found`), and one that was never closed (`unfinished`)."""

    text: str
    found: bool = False
    unfinished: bool = False


class ThinkingParts(NamedTuple):
    """A completion in two: its thinking part, tags included, and the answer; `unfinished` if the part never ends."""

    reasoning: str
    answer: str
    unfinished: bool = False


CLOSING_OF = {tags.opening: tags.closing for tags in TAGS}


def opening_tag_at_end(prompt: str) -> str:
    """The opening tag with which a prompt ends, as a chat template may write it; "" if there is none."""
    end = prompt.rstrip().lower()
    return next((tags.opening for tags in TAGS if end.endswith(tags.opening.lower())), "")


def split_thinking(text: str, opened: str = "") -> ThinkingParts:
    """A completion as drawn, split after a thinking part at its beginning; `opened` is the tag that the prompt wrote.

    Text and answer joined give the completion again, but for the end token that a channel of Harmony may have.
    """
    tag = opened
    if not tag:
        hit = _OPENING.match(text, len(text) - len(text.lstrip()))
        tag = next((tags.opening for tags in TAGS if hit and tags.opening.lower() == hit["tag"].lower()), "")
    if tag:
        place = text.lower().find(CLOSING_OF[tag].lower())
        if place < 0:
            return ThinkingParts(text, "", unfinished=True)
        end = place + len(CLOSING_OF[tag])
        return ThinkingParts(text[:end], text[end:])
    if _CHANNEL.match(text) or _BARE_CHANNELS.match(text):
        found = without_thinking(text)
        start = text.rfind(found.text) if found.text else len(text)
        return ThinkingParts(text[:start], found.text, found.unfinished)
    return ThinkingParts("", text)


def without_thinking(text: str) -> AnswerText:
    """The answer in a text; "" or what comes before the thinking part where that part is never closed."""
    if _CHANNEL.search(text):
        return _on_final_channel(text)
    bare = _BARE_CHANNELS.match(text)
    if bare is not None:
        return AnswerText(text[bare.end() :], found=True)
    return _without_tags(text)


def _on_final_channel(text: str) -> AnswerText:
    channels = list(_CHANNEL.finditer(text))
    finals = [hit for hit in channels if hit["channel"] == "final"]
    if not finals:
        return AnswerText(text[: channels[0].start()], found=True, unfinished=True)
    rest = text[finals[-1].end() :]
    end = _END_OF_MESSAGE.search(rest)
    return AnswerText(rest[: end.start()] if end else rest, found=True)


def _without_tags(text: str) -> AnswerText:
    parts: list[str] = []
    found = unfinished = False
    place = 0
    while (opening := _OPENING.search(text, place)) is not None:
        found = True
        closing = text.lower().find(_CLOSING_OF[opening["tag"].lower()].lower(), opening.end())
        parts.append(text[place : opening.start()])
        if closing < 0:
            unfinished, place = True, len(text)
            break
        place = closing + len(_CLOSING_OF[opening["tag"].lower()])
    parts.append(text[place:])
    answer = "".join(parts)
    closings = list(_CLOSING.finditer(answer))
    if closings:  # the chat template had opened the part, so the text brings the closing tag alone
        return AnswerText(answer[closings[-1].end() :], found=True)
    return AnswerText(answer, found, unfinished)
