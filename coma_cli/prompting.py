"""Prompt templates shared by training and sampling: how an instruction becomes text, tokens and an answer boundary.

The prompt and the answer are tokenized separately and joined as token ids, in both finetune and sample, so the boundary
between them is the same. A template ends an answer with one stop token, which is trained and at which sampling stops.
Its hash is stored with the adapter and the merged model. Special tokens spelled out in an instruction, an input or an
answer are treated as plain text: data about chat formats can't start or end a turn.

Sources: ALPACA is the published Alpaca prompt (tatsu-lab/stanford_alpaca, `train.py`, PROMPT_DICT), quoted exactly;
CAPYBARA is CodeCapybara's training prompt (AI4Code-Research/CodeCapybara, `data/prompts/prompt.py`), the same text with
a different answer header; CHATML is OpenAI's chat markup as published by Qwen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

from coma_cli.errors import MissingInputError, UsageError, unknown_name
from coma_cli.jsonl import read_json, sha256_of, write_json

TEMPLATE_FILE = "coma_template.json"
_TEMPLATE_SUFFIXES = (".jinja", ".j2", ".jinja2")  # suffixes of user-supplied template files


class Tokenizer(Protocol):
    """The parts of a Hugging Face tokenizer that this module uses."""

    eos_token: str | None
    eos_token_id: int | None
    chat_template: str | None

    def __hash__(self) -> int: ...

    def __call__(self, text: str, **options: Any) -> Mapping[str, Any]: ...

    def decode(self, token_ids: Sequence[int], **options: Any) -> str: ...

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...


@dataclass(frozen=True)
class PromptTemplate:
    """How an instruction and its input are formatted for a model.

    `jinja` renders everything before the answer from `instruction` and `input`; with `kind` "chat" it is the model's
    own chat template, rendered by its tokenizer. `stop` is the text of the special token that ends an answer, None for
    the tokenizer's end-of-sequence token.
    """

    name: str
    kind: str
    jinja: str
    stop: str | None = None

    @cached_property
    def sha256(self) -> str:
        """Hash (hex) of everything that determines a rendered prompt."""
        return sha256_of([self.kind, self.jinja, self.stop])

    def save(self, folder: Path) -> None:
        """Save the template next to an adapter or a model."""
        write_json(
            folder / TEMPLATE_FILE,
            {"name": self.name, "kind": self.kind, "jinja": self.jinja, "stop": self.stop, "sha256": self.sha256},
        )

    @classmethod
    def load(cls, folder: Path) -> "PromptTemplate | None":
        """The template that finetune saved in a folder, or None.

        Raises:
            MissingInputError: the file was changed since (its hash does not match).
        """
        path = folder / TEMPLATE_FILE
        if not path.is_file():
            return None
        stored = read_json(path)
        template = cls(stored["name"], stored["kind"], stored["jinja"], stored["stop"])
        if template.sha256 != stored["sha256"]:
            raise MissingInputError(f"{path} was changed after training.", "Restore it, or run merge-lora again.")
        return template


_ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{{ instruction }}\n\n### Input:\n{{ input }}\n\n### Response:"
)
_ALPACA_WITHOUT_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{{ instruction }}\n\n### Response:"
)
_CHOICE = "{%- if input -%}" + _ALPACA_WITH_INPUT + "{%- else -%}" + _ALPACA_WITHOUT_INPUT + "{%- endif -%}"

ALPACA = PromptTemplate("alpaca", "text", _CHOICE)
CAPYBARA = PromptTemplate("capybara", "text", _CHOICE.replace("### Response:", "### Output:"))
CHATML = PromptTemplate(
    "chatml",
    "text",
    "<|im_start|>user\n{{ instruction }}{% if input %}\n\n{{ input }}{% endif %}<|im_end|>\n<|im_start|>assistant\n",
    stop="<|im_end|>",
)
RAW = PromptTemplate("raw", "text", "{{ instruction }}{% if input %}\n{{ input }}{% endif %}")
TEMPLATES: tuple[PromptTemplate, ...] = (ALPACA, CAPYBARA, CHATML, RAW)
TEMPLATE_CHOICES = ("auto", "chat", *(template.name for template in TEMPLATES))


def choose_template(choice: str, tokenizer: Tokenizer, stored: PromptTemplate | None = None) -> PromptTemplate:
    """The template with a given name.

    `auto`: the one stored with the model, else the tokenizer's chat template, else alpaca. `chat`: the tokenizer's
    chat template. A name of `TEMPLATES`; or the path of a Jinja file that uses `instruction` and `input`.

    Raises:
        UsageError: unknown name, or `chat` for a tokenizer without one. MissingInputError: no such Jinja file.
    """
    if choice == "auto":
        if stored is not None:
            return stored
        return chat_template_of(tokenizer) if tokenizer.chat_template else ALPACA
    if choice == "chat":
        return chat_template_of(tokenizer)
    by_name = {template.name: template for template in TEMPLATES}
    if choice in by_name:
        return by_name[choice]
    if (file := file_of_template(choice)) is not None:
        return _from_file(file)
    raise unknown_name("template", choice, ["auto", "chat", *by_name])


def file_of_template(choice: str) -> Path | None:
    """The user's own template file, if a choice of template is one."""
    return Path(choice) if choice.endswith(_TEMPLATE_SUFFIXES) else None


def _from_file(path: Path) -> PromptTemplate:
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


def chat_template_of(tokenizer: Tokenizer) -> PromptTemplate:
    """The tokenizer's own chat template, with the special token that it puts after an answer.

    Raises:
        UsageError: the tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise UsageError("This model has no chat template.", "Choose --template alpaca, or another name.")
    answer = "4f1c"
    asked = [{"role": "user", "content": "q"}]
    text = tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": answer}], tokenize=False)
    after = text.rpartition(answer)[2].strip()
    ids = tokenizer(after, add_special_tokens=False)["input_ids"] if after else []
    stop = tokenizer.decode(ids[:1]) if ids else None
    return PromptTemplate("chat", "chat", tokenizer.chat_template, stop=stop or tokenizer.eos_token)


def render(template: PromptTemplate, tokenizer: Tokenizer, instruction: str, input_text: str = "") -> str:
    """The text before the answer, special tokens written out."""
    if template.kind == "chat":
        content = f"{instruction}\n\n{input_text}" if input_text else instruction
        messages = [{"role": "user", "content": content}]
        rendered: str = tokenizer.apply_chat_template(
            messages, chat_template=template.jinja, tokenize=False, add_generation_prompt=True
        )
        return rendered
    return prompt_text(template, instruction, input_text)


def prompt_text(template: PromptTemplate, instruction: str, input_text: str = "") -> str:
    """The text before the answer, for a template that needs no tokenizer: any but a tokenizer's chat template."""
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


def stop_token_id(template: PromptTemplate, tokenizer: Tokenizer) -> int:
    """The id of the token that ends every answer.

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
    marked, spelled = _mark_special(tokenizer, instruction, input_text)
    pieces = _MARK.split(render(template, tokenizer, *marked))
    ids = _opening(template, tokenizer, pieces[0])
    for number, text in zip(pieces[1::2], pieces[2::2], strict=True):
        ids += plain_ids(tokenizer, spelled[int(number)])
        ids += _continued(tokenizer, text, split_special_tokens=False) if text else []
    return ids


def _opening(template: PromptTemplate, tokenizer: Tokenizer, text: str) -> list[int]:
    ids = list(tokenizer(text, add_special_tokens=template.kind != "chat")["input_ids"])
    while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token or "\0"):
        ids.pop()  # some tokenizers append their end token to every text
    return ids


_MARK = re.compile("\ue0f0(\\d+)\ue0f1")  # private-use characters, which have no meaning in text


def _mark_special(tokenizer: Tokenizer, *texts: str) -> tuple[list[str], list[str]]:
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
    """Token ids of an answer and its stop token."""
    return [*plain_ids(tokenizer, answer), stop_token_id(template, tokenizer)]


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
