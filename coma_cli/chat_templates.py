"""Finds out what a tokenizer's chat template does: its source, the form of its messages, and how an answer ends.

Chat templates are small programs written by others. Each is tried with probes before it is used: an instruction and an
answer must occur in what it renders, and what follows the answer is what ends it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from coma_cli.errors import UsageError
from coma_cli.words import shortened

OTHER_TEMPLATE = "Choose --template alpaca, another name, or a Jinja file of your own."
# A template that writes today's date would change every prompt overnight; this is Llama 3.1's own default date.
_FIXED_DATE = {
    "%d": "26", "%e": "26", "%b": "Jul", "%B": "July", "%m": "07", "%Y": "2024", "%y": "24", "%a": "Fri",
    "%A": "Friday", "%H": "12", "%I": "12", "%M": "00", "%S": "00", "%p": "PM", "%j": "208", "%Z": "UTC", "%z": "+0000",
    "%F": "2024-07-26", "%T": "12:00:00",
}  # fmt: skip
_FROZEN_CLOCK = (
    "{%- macro strftime_now(format) -%}{{ format"
    + "".join(f" | replace('{code}', '{value}')" for code, value in _FIXED_DATE.items())
    + " }}{%- endmacro %}{{ '' }}"  # the empty output keeps the template's own first line break
)
# Probes without whitespace at their ends, which many templates trim. The second looks like code and markup.
_PROBES = (("question 4f1c", "answer 9b2e"), ("def f(a):\n    return a < 1 & b  # {x} 5d7a", 'print("<b>", 7) # 1e6f'))
# What a special token looks like: <|im_end|>, </s>, <end_of_turn>, [/INST]. A template that ends answers in one that is
# not in the vocabulary was made for another tokenizer.
_SPECIAL_FORM = re.compile(r"(?:<[|/\uff5c]?[\w\u2581|\uff5c/ -]+[|\uff5c]?>|\[/?[A-Z_]+\])")


class Tokenizer(Protocol):
    """The parts of a Hugging Face tokenizer that prompts need."""

    eos_token: str | None
    eos_token_id: int | None
    chat_template: Any

    def __hash__(self) -> int: ...

    def __call__(self, text: str, **options: Any) -> Mapping[str, Any]: ...

    def decode(self, token_ids: Sequence[int], **options: Any) -> str: ...

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...


@dataclass(frozen=True)
class ChatForm:
    """What a chat template does.

    `in_parts`: the content of a message is a list of parts, not a string. An answer ends with the special token
    `end_token`, or with the text `end_text` if that is not a token; with neither it is the tokenizer's end-of-sequence
    token.
    """

    source: str
    in_parts: bool
    end_token: str | None
    end_text: str | None


def chat_form_of(tokenizer: Tokenizer, options: Mapping[str, Any]) -> ChatForm:
    """The form of a tokenizer's chat template, rendered with `options`, as `enable_thinking`.

    Raises:
        UsageError: there is no template, it raises, it drops the instruction or the answer, or it ends answers in a
            special token that the tokenizer does not have.
    """
    source = source_of(tokenizer)
    in_parts = _wants_parts(tokenizer, source, options)
    ends = [_after_answer(tokenizer, source, options, probe, in_parts=in_parts) for probe in _PROBES]
    end = ends[0].rstrip()
    if not end.strip() or ends[1].rstrip() != end:
        return ChatForm(source, in_parts, None, None)
    return ChatForm(source, in_parts, *_end_of(end, tokenizer))


def source_of(tokenizer: Tokenizer) -> str:
    """The Jinja source of a tokenizer's chat template: of several, the one named `default`.

    Raises:
        UsageError: there is none, or none of several is the default.
    """
    found = tokenizer.chat_template
    if isinstance(found, list):
        found = {str(entry.get("name")): entry.get("template") for entry in found}
    if isinstance(found, Mapping):
        if "default" not in found and len(found) != 1:
            named = ", ".join(sorted(map(str, found)))
            raise UsageError(f"This model has chat templates for {named}, but no default.", OTHER_TEMPLATE)
        found = found.get("default") or next(iter(found.values()))
    if not found:
        raise UsageError("This model has no chat template.", "Choose --template alpaca, or another name.")
    return _FROZEN_CLOCK + str(found) if "strftime_now" in str(found) else str(found)


def conversation(instruction: str, answer: str | None = None, *, in_parts: bool = False) -> list[dict[str, Any]]:
    """The messages of one instruction, and its answer if given."""
    texts = [("user", instruction), *([] if answer is None else [("assistant", answer)])]
    return [{"role": role, "content": [{"type": "text", "text": t}] if in_parts else t} for role, t in texts]


def render_chat(
    tokenizer: Tokenizer,
    source: str,
    messages: list[dict[str, Any]],
    options: Mapping[str, Any],
    *,
    open_answer: bool,
) -> str:
    """Messages as text; `open_answer` adds the beginning of an answer.

    Raises:
        UsageError: the template raises, by itself or because it is broken.
    """
    try:
        return str(
            tokenizer.apply_chat_template(
                messages, chat_template=source, tokenize=False, add_generation_prompt=open_answer, **options
            )
        )
    except Exception as error:  # whatever a template of others does wrong is the template's error
        said = shortened(" ".join(str(error).split()) or type(error).__name__, 160)
        raise UsageError(
            f"The model's chat template can't render an instruction and its answer: {said}.", OTHER_TEMPLATE
        ) from None


def _wants_parts(tokenizer: Tokenizer, source: str, options: Mapping[str, Any]) -> bool:
    """Whether the content of messages has to be a list of parts for the instruction to appear."""
    refusal: UsageError | None = None
    for in_parts in (False, True):
        try:
            if all(_shows(tokenizer, source, options, question, in_parts=in_parts) for question, _ in _PROBES):
                return in_parts
        except UsageError as error:
            refusal = refusal or error
    raise refusal or UsageError("The model's chat template drops the instruction.", OTHER_TEMPLATE)


def _shows(tokenizer: Tokenizer, source: str, options: Mapping[str, Any], question: str, *, in_parts: bool) -> bool:
    messages = conversation(question, in_parts=in_parts)
    return question in render_chat(tokenizer, source, messages, options, open_answer=True)


def _after_answer(
    tokenizer: Tokenizer, source: str, options: Mapping[str, Any], probe: tuple[str, str], *, in_parts: bool
) -> str:
    question, answer = probe
    messages = conversation(question, answer, in_parts=in_parts)
    text = render_chat(tokenizer, source, messages, options, open_answer=False)
    if question not in text or answer not in text:
        missing = "answer" if question in text else "instruction"
        raise UsageError(f"The model's chat template drops the {missing} of a conversation.", OTHER_TEMPLATE)
    return text.rpartition(answer)[2]


def _end_of(end: str, tokenizer: Tokenizer) -> tuple[str | None, str | None]:
    """The special token at the start of what follows an answer, else the whole of it as text."""
    after = end.strip()
    for token in sorted(_added_tokens(tokenizer), key=len, reverse=True):
        if after.startswith(token) and len(_ids(tokenizer, token)) == 1:
            return token, None
    form = _SPECIAL_FORM.match(after)
    if form is None:
        return None, end
    if len(_ids(tokenizer, form.group())) == 1:
        return form.group(), None
    raise UsageError(
        f"The model's chat template ends answers with {form.group()}, which is not a token of its tokenizer.",
        f"Add the token to the tokenizer and the model, or: {OTHER_TEMPLATE}",
    )


def _added_tokens(tokenizer: Tokenizer) -> set[str]:
    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    return {text for text in (*map(str, added.values()), tokenizer.eos_token or "") if text.strip()}


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
