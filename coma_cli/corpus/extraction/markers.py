"""Removes marks around an answer: end tokens, turns of a chat, lines such as [BEGIN] and [DONE]."""

import re
from typing import NamedTuple

from coma_cli.corpus.extraction.python_text import layout

# Tokens that end a text or a turn. What follows one is another turn, or the next example of a prompt.
_END = re.compile(
    r"<\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|end|return|im_start|start_header_id|user|system|eot|EOT|EOS"
    r"|END_OF_TURN_TOKEN|end_of_turn|fim_\w+|file_sep|sep|pad|endofprompt|eos)\|>"
    r"|</?s>|<eos>|<end_of_turn>|<start_of_turn>|<turn\|>|<EOT>|<EOS>|<pad>|<｜end▁of▁sentence｜>|<｜(?:User|Assistant)｜>"
    r"|<\|END_RESPONSE\|>|\[/?INST\]|<end_of_utterance>|<fim_\w+>|<file_sep>|<\|EOT\|>|<\|end▁of▁sentence\|>"
)
_HEADER = re.compile(
    r"\A\s*(?:<\|im_start\|>\s*assistant[ \t]*\n?|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>\s*"
    r"|<start_of_turn>\s*model[ \t]*\n?|<｜Assistant｜>|<\|assistant\|>\s*|<s>[ \t]*"
    r"|<\|START_RESPONSE\|>|<bos>|<\|begin_of_text\|>)"
)
# Pairs of marks around the code of an answer, and the same marks alone on a line.
PAIRS: tuple[tuple[str, str], ...] = (
    ("[BEGIN]", "[DONE]"),  # MBPP's prompt of few examples
    ("[PYTHON]", "[/PYTHON]"),  # Code Llama
    ("[CODE]", "[/CODE]"),
    ("<code>", "</code>"),
    ("<answer>", "</answer>"),
    ("<solution>", "</solution>"),
    ("<python>", "</python>"),
    ("<output>", "</output>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("[ANSWER]", "[/ANSWER]"),
)


class Cleaned(NamedTuple):
    """A text without marks around it; which kinds were there."""

    text: str
    glued_token: bool = False
    marker: bool = False


def clean(text: str, *, tokens: bool = True, marks: bool = True) -> Cleaned:
    """The first turn of a text, and the part of it that a pair of marks encloses; each only if it is on."""
    text = _HEADER.sub("", text)
    ended = _up_to_end_token(text) if tokens else text
    inner = _between_marks(ended) if marks else ended
    return Cleaned(inner, glued_token=ended != text, marker=inner != ended)


def _up_to_end_token(text: str) -> str:
    """The text up to its first end token outside a string of code."""
    scan = None
    for hit in _END.finditer(text):
        scan = scan or layout(text)
        if not scan.in_string(hit.start()):
            return text[: hit.start()]
    return text


def _between_marks(text: str) -> str:
    for opening, closing in PAIRS:
        start, end = _own_place(text, opening), _own_place(text, closing)
        if end >= 0 and (start < 0 or end < start) and text[:end].strip():
            return text[:end]  # the prompt had opened it, and what follows is the next example
        if start >= 0:
            begin = start + len(opening)
            end = _own_place(text, closing, begin)
            inner = text[begin : end if end >= 0 else len(text)]
            if inner.strip():
                return inner.removeprefix("\n")
    return text


def _own_place(text: str, mark: str, begin: int = 0) -> int:
    """Where a mark begins or ends a line, -1 if nowhere: elsewhere it may be a word of a program."""
    place = text.find(mark, begin)
    while place >= 0:
        line_start = text.rfind("\n", 0, place) + 1
        behind = text[place + len(mark) :].partition("\n")[0]
        if not text[line_start:place].strip() or not behind.strip():
            return place
        place = text.find(mark, place + 1)
    return -1
