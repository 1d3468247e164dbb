"""Prompt templates shared by training and sampling: how an instruction becomes text, tokens and an answer boundary.

The prompt and the answer are tokenized separately and joined as token ids, in both finetune and sample, so the boundary
between them is the same. A template ends an answer with one stop token, or with an end text and then the
end-of-sequence token; both are trained, and sampling stops at either.
Its hash is stored with the adapter and the merged model. Special tokens spelled out in an instruction, an input or an
answer are treated as plain text: data about chat formats can't start or end a turn.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from coma_cli.chat_templates import Tokenizer as Tokenizer
from coma_cli.chat_templates import chat_form_of, conversation, render_chat
from coma_cli.errors import MissingInputError, UsageError, unknown_name
from coma_cli.prompt_templates import ALPACA as ALPACA
from coma_cli.prompt_templates import CAPYBARA as CAPYBARA
from coma_cli.prompt_templates import CHATML as CHATML
from coma_cli.prompt_templates import FIREFLY as FIREFLY
from coma_cli.prompt_templates import RAW as RAW
from coma_cli.prompt_templates import TEMPLATE_CHOICES as TEMPLATE_CHOICES
from coma_cli.prompt_templates import TEMPLATE_FILE as TEMPLATE_FILE
from coma_cli.prompt_templates import TEMPLATES as TEMPLATES
from coma_cli.prompt_templates import PromptTemplate as PromptTemplate

_TEMPLATE_SUFFIXES = (".jinja", ".j2", ".jinja2")  # suffixes of user-supplied template files


def choose_template(
    choice: str,
    tokenizer: Tokenizer,
    stored: PromptTemplate | None = None,
    options: Mapping[str, Any] | None = None,
) -> PromptTemplate:
    """The template with a given name; `options` are variables of a chat template.

    `auto`: the one stored with the model, else the tokenizer's chat template, else alpaca. `chat`: the tokenizer's
    chat template. A name of `TEMPLATES`; or the path of a Jinja file that uses `instruction` and `input`.

    Raises:
        UsageError: unknown name, or `chat` for a tokenizer without one. MissingInputError: no such Jinja file.
    """
    if choice == "auto":
        if stored is not None:
            return stored
        return chat_template_of(tokenizer, options) if tokenizer.chat_template else ALPACA
    if choice == "chat":
        return chat_template_of(tokenizer, options)
    by_name = {template.name: template for template in TEMPLATES}
    if choice in by_name:
        return by_name[choice]
    if choice == FIREFLY:
        return firefly_template(tokenizer)
    if (file := file_of_template(choice)) is not None:
        return template_from_file(file)
    raise unknown_name("template", choice, TEMPLATE_CHOICES)


def firefly_template(tokenizer: Tokenizer) -> PromptTemplate:
    """Firefly's form: the begin token once, then per turn the question, the end token, the answer, the end token.

    A tokenizer without a begin token begins with its end token, as Qwen-7B's does in CoMA; one that adds its begin
    token to every text is left to do so.

    Raises:
        UsageError: the tokenizer has no end-of-sequence token.
    """
    end = tokenizer.eos_token
    if end is None:
        raise UsageError("This tokenizer has no end-of-sequence token.", "Choose another --template.")
    begin = getattr(tokenizer, "bos_token", None) or end
    added = list(tokenizer("a")["input_ids"])[:1] == _ids(tokenizer, begin)
    question = "{{ instruction }}{% if input %}\n{{ input }}{% endif %}{{ " + json.dumps(end) + " }}"
    return PromptTemplate(FIREFLY, "text", question, opening="" if added else begin)


def file_of_template(choice: str) -> Path | None:
    """The user's own template file, if a choice of template is one."""
    return Path(choice) if choice.endswith(_TEMPLATE_SUFFIXES) else None


def template_from_file(path: Path) -> PromptTemplate:
    """The template of a Jinja file.

    Raises:
        MissingInputError: there is no such file. UsageError: it is not a template that uses the instruction.
    """
    from jinja2 import Environment, meta

    if not path.is_file():
        raise MissingInputError(f"The template file {path} does not exist.", "Check --template.")
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"The template {path} is not UTF-8 text: {error}.", "Save it as UTF-8.") from None
    _compiled(source)
    names = meta.find_undeclared_variables(Environment().parse(source))  # noqa: S701  # parsed only, renders no HTML
    if strange := sorted(names - {"instruction", "input"}):
        raise UsageError(f"{path} uses {', '.join(strange)}.", "Templates may use `instruction` and `input`.")
    if "instruction" not in names:
        raise UsageError(f"{path} does not use the instruction.", "Put {{ instruction }} where it belongs.")
    return PromptTemplate(path.stem, "text", source)


def chat_template_of(tokenizer: Tokenizer, options: Mapping[str, Any] | None = None) -> PromptTemplate:
    """The tokenizer's own chat template, with what it puts after an answer; `options` are variables of the template.

    Raises:
        UsageError: the tokenizer has no chat template, or one that can't be used (`chat_templates.chat_form_of`).
    """
    given = dict(sorted((options or {}).items()))
    form = chat_form_of(tokenizer, given)
    kind = "chat-parts" if form.in_parts else "chat"
    stop = None if form.end_text else form.end_token or tokenizer.eos_token
    return PromptTemplate("chat", kind, form.source, stop, form.end_text, tuple(given.items()))


def render(template: PromptTemplate, tokenizer: Tokenizer, instruction: str, input_text: str = "") -> str:
    """The text before the answer, special tokens written out."""
    if not template.is_chat:
        return template.opening + prompt_text(template, instruction, input_text)
    content = f"{instruction}\n\n{input_text}" if input_text else instruction
    messages = conversation(content, in_parts=template.kind == "chat-parts")
    return render_chat(tokenizer, template.jinja, messages, dict(template.options), open_answer=True)


def prompt_text(template: PromptTemplate, instruction: str, input_text: str = "") -> str:
    """The text before the answer of one turn, for a template that needs no tokenizer: any but one for chats."""
    rendered: str = _compiled(template.jinja).render(instruction=instruction, input=input_text)
    return rendered


@lru_cache(maxsize=16)
def _compiled(source: str) -> Any:
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(source)
    except TemplateSyntaxError as error:
        raise UsageError(f"The template is not valid Jinja: {error}.", "Fix the file given with --template.") from None


def stop_token_ids(template: PromptTemplate, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The token at which an answer stops; none if only a text ends it (`stop_texts`).

    Raises:
        UsageError: the template's stop token is not a single token for the tokenizer.
    """
    if template.end is not None and tokenizer.eos_token_id is None:
        return ()
    return (stop_token_id(template, tokenizer),)


def stop_texts(template: PromptTemplate) -> tuple[str, ...]:
    """The texts at which an answer stops, besides its stop token."""
    return (template.end,) if template.end else ()


def stop_token_id(template: PromptTemplate, tokenizer: Tokenizer) -> int:
    """The id of the last token of every answer.

    Raises:
        UsageError: the template's stop token is not a single token for the tokenizer.
    """
    if template.stop is None or template.stop == tokenizer.eos_token:
        if tokenizer.eos_token_id is None:
            raise UsageError("This tokenizer has no end-of-sequence token.", "Choose a --template with a stop token.")
        return tokenizer.eos_token_id
    ids = tokenizer(template.stop, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise UsageError(
            f"{template.stop} is {len(ids)} tokens for this tokenizer, so the model can't be taught to stop at it.",
            "Choose another --template.",
        )
    return int(ids[0])


def encode_prompt(template: PromptTemplate, tokenizer: Tokenizer, instruction: str, input_text: str = "") -> list[int]:
    """Token ids of everything before the answer. A chat template has its own first token, so none is added."""
    marked, spelled = mark_special(tokenizer, instruction, input_text)
    return encode_rendered(template, tokenizer, render(template, tokenizer, *marked), spelled)


def encode_rendered(
    template: PromptTemplate, tokenizer: Tokenizer, text: str, spelled: Sequence[str], *, continues: bool = False
) -> list[int]:
    """Token ids of rendered text, in which special tokens of the user's texts are marks (`mark_special`).

    Text that `continues` other text has no first token of its own.
    """
    pieces = _MARK.split(text)
    ids = _after(tokenizer, pieces[0]) if continues else _opening(template, tokenizer, pieces[0])
    for number, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        ids += plain_ids(tokenizer, spelled[int(number)])
        ids += _after(tokenizer, piece)
    return ids


def _after(tokenizer: Tokenizer, text: str) -> list[int]:
    return _continued(tokenizer, text, split_special_tokens=False) if text else []


def _opening(template: PromptTemplate, tokenizer: Tokenizer, text: str) -> list[int]:
    ids = list(tokenizer(text, add_special_tokens=not template.is_chat)["input_ids"])
    while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token or "\0"):
        ids.pop()  # some tokenizers append their end token to every text
    return ids


_MARK = re.compile("\ue0f0(\\d+)\ue0f1")  # private-use characters, which have no meaning in text


def mark_special(tokenizer: Tokenizer, *texts: str) -> tuple[list[str], list[str]]:
    """The texts with every spelled-out special token replaced by a numbered mark, and those tokens."""
    special = _special_texts(tokenizer)
    if special is None or not any(special.search(text) for text in texts):
        return list(texts), []
    spelled: list[str] = []

    def mark(match: re.Match[str]) -> str:
        spelled.append(match.group())
        return f"\ue0f0{len(spelled) - 1}\ue0f1"

    return [special.sub(mark, text) for text in texts], spelled


@lru_cache(maxsize=16)
def _special_texts(tokenizer: Tokenizer) -> re.Pattern[str] | None:
    """Matches the tokenizer's special tokens, longest first, and this module's own marks."""
    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    texts = {str(token) for token in added.values() if getattr(token, "special", False) and str(token)}
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile("|".join([*map(re.escape, longest_first), "\ue0f0"])) if texts else None


def encode_answer(template: PromptTemplate, tokenizer: Tokenizer, answer: str) -> list[int]:
    """Token ids of an answer and of all that ends it: the whole end text, if it has one, and the stop token."""
    end = plain_ids(tokenizer, template.end) if template.end else []
    return [*plain_ids(tokenizer, answer), *end, *stop_token_ids(template, tokenizer)]


def plain_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of text that continues other text: no special tokens and no added space."""
    return _continued(tokenizer, text, split_special_tokens=True) if text else []


def _continued(tokenizer: Tokenizer, text: str, *, split_special_tokens: bool) -> list[int]:
    """Token ids of a continuation.

    SentencePiece tokenizers such as LLaMA's prepend a space to their input, and treat an existing leading space as that
    one. A leading line break, which they never merge with what follows, prevents this; its ids are removed.
    """
    if not _adds_a_space(tokenizer):
        return list(tokenizer(text, add_special_tokens=False, split_special_tokens=split_special_tokens)["input_ids"])
    before = _ids(tokenizer, "\n")
    ids = tokenizer("\n" + text, add_special_tokens=False, split_special_tokens=split_special_tokens)["input_ids"]
    assert list(ids[: len(before)]) == before
    return list(ids[len(before) :])


@lru_cache(maxsize=16)
def _adds_a_space(tokenizer: Tokenizer) -> bool:
    alone, after = _ids(tokenizer, "a"), _ids(tokenizer, "\na")
    return after[-len(alone) :] != alone


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def decode_answer(tokenizer: Tokenizer, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> str:
    """The text that answer tokens add after a prompt, without special tokens.

    The answer is decoded after an ordinary letter, so that a leading space survives in tokenizers that strip the start
    of a text. The prompt's own last tokens would not work: they may be bytes that merge with the answer's.
    """
    del prompt_ids  # not needed so far: an answer's text does not depend on the prompt
    anchor, before = _anchor(tokenizer)
    both = tokenizer.decode([*anchor, *answer_ids], **_AS_IT_IS)
    return both[len(before) :] if both.startswith(before) else tokenizer.decode(list(answer_ids), **_AS_IT_IS)


_AS_IT_IS = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}


@lru_cache(maxsize=16)
def _anchor(tokenizer: Tokenizer) -> tuple[list[int], str]:
    """The tokens of an ordinary letter and their text. Sampling decodes at every token, so encoding it would add up."""
    anchor = _ids(tokenizer, "a")
    return anchor, tokenizer.decode(anchor, **_AS_IT_IS)
