"""One prompt object for training and sampling: how an instruction becomes text, tokens and an answer boundary.

The prompt and the answer are tokenized apart and joined as token ids, in finetune and in sample alike, so the border
between them is the same in both. A template ends an answer with one stop token, which is trained and at which
sampling stops. Its hash travels with the adapter and the merged model.

Sources: ALPACA is the published Alpaca prompt (tatsu-lab/stanford_alpaca, `train.py`, PROMPT_DICT), quoted exactly;
CAPYBARA is CodeCapybara's training prompt (AI4Code-Research/CodeCapybara, `data/prompts/prompt.py`), which is the same
text with another answer header; CHATML is the format of OpenAI's chat markup as Qwen publishes it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from coma_cli.errors import MissingInputError, UsageError, unknown_name
from coma_cli.jsonl import canonical_json, read_json, write_json

TEMPLATE_FILE = "coma_template.json"


class Tokenizer(Protocol):
    """What this module needs of a Hugging Face tokenizer."""

    eos_token: str | None
    eos_token_id: int | None
    chat_template: str | None

    def __call__(self, text: str, **options: Any) -> Mapping[str, Any]: ...

    def decode(self, token_ids: Sequence[int], **options: Any) -> str: ...

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...


@dataclass(frozen=True)
class PromptTemplate:
    """How an instruction and its input are written for a model.

    `jinja` renders everything before the answer from `instruction` and `input`; a template of `kind` "chat" holds the
    model's own chat template instead and is rendered by its tokenizer. `stop` is the text of the special token that
    ends an answer, None for the tokenizer's own end-of-sequence token.
    """

    name: str
    kind: str
    jinja: str
    stop: str | None = None

    @cached_property
    def sha256(self) -> str:
        """Hash (hex) of all that decides a rendered prompt."""
        return hashlib.sha256(canonical_json([self.kind, self.jinja, self.stop])).hexdigest()

    def save(self, folder: Path) -> None:
        """Leave the template beside an adapter or a model."""
        write_json(
            folder / TEMPLATE_FILE,
            {"name": self.name, "kind": self.kind, "jinja": self.jinja, "stop": self.stop, "sha256": self.sha256},
        )

    @classmethod
    def load(cls, folder: Path) -> "PromptTemplate | None":
        """The template that finetune left in a folder, or None.

        Raises:
            MissingInputError: the file was changed since (its hash does not fit).
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


def choose_template(choice: str, tokenizer: Tokenizer, stored: PromptTemplate | None = None) -> PromptTemplate:
    """The template that a name stands for.

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
    if choice.endswith((".jinja", ".j2", ".jinja2")):
        return _from_file(Path(choice))
    raise unknown_name("template", choice, ["auto", "chat", *by_name])


def _from_file(path: Path) -> PromptTemplate:
    if not path.is_file():
        raise MissingInputError(f"There is no template file {path}.", "Check --template.")
    return PromptTemplate(path.stem, "text", path.read_text(encoding="utf-8"))


def chat_template_of(tokenizer: Tokenizer) -> PromptTemplate:
    """The tokenizer's own chat template, with the special token that it puts after an answer.

    Raises:
        UsageError: the tokenizer has none.
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
    return _compiled(template.jinja).render(instruction=instruction, input=input_text)  # type: ignore[no-any-return]


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
        UsageError: the tokenizer does not know the template's stop token as one token.
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
    """Token ids of everything before the answer. A chat template writes its own first token, so none is added to it."""
    text = render(template, tokenizer, instruction, input_text)
    ids = list(tokenizer(text, add_special_tokens=template.kind != "chat")["input_ids"])
    while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token or "\0"):
        ids.pop()  # some tokenizers close every text with their end token
    return ids


def encode_answer(template: PromptTemplate, tokenizer: Tokenizer, answer: str) -> list[int]:
    """Token ids of an answer and its stop token. Special tokens spelled out in the answer stay plain text."""
    ids = tokenizer(answer, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [*ids, stop_token_id(template, tokenizer)]


def decode_answer(tokenizer: Tokenizer, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> str:
    """The text that answer tokens add after a prompt; leading spaces survive where tokenizers strip them from a start."""
    anchor = list(prompt_ids[-8:])
    options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    before = tokenizer.decode(anchor, **options)
    both = tokenizer.decode([*anchor, *answer_ids], **options)
    return both[len(before) :] if both.startswith(before) else tokenizer.decode(list(answer_ids), **options)
