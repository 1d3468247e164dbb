"""Prompt templates as data: the form of each, and the published ones.

Sources: ALPACA is the published Alpaca prompt (tatsu-lab/stanford_alpaca, `train.py`, PROMPT_DICT), quoted exactly;
CAPYBARA is CodeCapybara's training prompt (AI4Code-Research/CodeCapybara, `data/prompts/prompt.py`), the same text with
a different answer header, and shorter prompts for rows of some sources; CHATML is OpenAI's chat markup as published by
Qwen; firefly is the form of Firefly (yangjianxin1/Firefly), whose data code CoMA uses.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json, sha256_of, write_json

TEMPLATE_FILE = "coma_template.json"


@dataclass(frozen=True)
class PromptTemplate:
    """How an instruction and its input are formatted for a model.

    `jinja` renders everything before the answer from `instruction` and `input`; with `kind` "chat" it is the model's
    own chat template, rendered by its tokenizer, and with "chat-parts" one that takes the content of a message as a
    list of parts. `options` are further variables of a chat template, as pairs. `stop` is the text of the special token
    that ends an answer, None for the tokenizer's end-of-sequence token. `end` is a text that ends an answer instead,
    where a chat template uses ordinary characters for that; the end-of-sequence token then follows it. `between` comes
    after the end of an answer where another turn follows, `opening` before the first turn. `by_source` holds what
    replaces `jinja` for training rows of some sources, as pairs of source and text.
    """

    name: str
    kind: str
    jinja: str
    stop: str | None = None
    end: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    between: str = ""
    opening: str = ""
    by_source: tuple[tuple[str, str], ...] = ()

    @property
    def is_chat(self) -> bool:
        """Whether the tokenizer renders it."""
        return self.kind in ("chat", "chat-parts")

    @cached_property
    def sha256(self) -> str:
        """Hash (hex) of all that determines a prompt; fields of later versions count only where they are set."""
        later = {"end": self.end, "options": [list(pair) for pair in self.options], "between": self.between}
        later |= {"opening": self.opening, "by_source": [list(pair) for pair in self.by_source]}
        used = {name: value for name, value in later.items() if value}
        return sha256_of([self.kind, self.jinja, self.stop, *([used] if used else [])])

    def for_source(self, source: str) -> "PromptTemplate":
        """The template of training rows of a source."""
        own = dict(self.by_source).get(source)
        return self if own is None else replace(self, jinja=own)

    def save(self, folder: Path) -> None:
        """Save the template next to an adapter or a model."""
        row: dict[str, Any] = {"name": self.name, "kind": self.kind, "jinja": self.jinja, "stop": self.stop}
        if self.end is not None:
            row["end"] = self.end
        if self.options:
            row["options"] = dict(self.options)
        if self.between:
            row["between"] = self.between
        if self.opening:
            row["opening"] = self.opening
        if self.by_source:
            row["by_source"] = dict(self.by_source)
        write_json(folder / TEMPLATE_FILE, {**row, "sha256": self.sha256})

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
        options = tuple(sorted(stored.get("options", {}).items()))
        end, between, opening = stored.get("end"), stored.get("between", ""), stored.get("opening", "")
        by_source = tuple(stored.get("by_source", {}).items())
        own = (stored["name"], stored["kind"], stored["jinja"], stored["stop"])
        template = cls(*own, end, options, between, opening, by_source)
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
_PLAIN = "{{ instruction }}{% if input %}\n{{ input }}{% endif %}"
CAPYBARA = PromptTemplate(
    "capybara",
    "text",
    _CHOICE.replace("### Response:", "### Output:"),
    by_source=(  # a contest row asks by the sentence that build-data chose for it
        ("code_contests", f"{_PLAIN} Output: "),
        ("codecapybara_generated", f"{_PLAIN} Output: "),
        ("gen-instructions", f"{_PLAIN} Output: "),
        ("generated_data", f"{_PLAIN} Output: "),  # the published file
        ("mbpp", _PLAIN),
    ),
)
CHATML = PromptTemplate(
    "chatml",
    "text",
    "<|im_start|>user\n{{ instruction }}{% if input %}\n\n{{ input }}{% endif %}<|im_end|>\n<|im_start|>assistant\n",
    stop="<|im_end|>",
    between="\n",
)
RAW = PromptTemplate("raw", "text", _PLAIN)
TEMPLATES: tuple[PromptTemplate, ...] = (ALPACA, CAPYBARA, CHATML, RAW)
FIREFLY = "firefly"  # not one of them: its text depends on the tokenizer
TEMPLATE_CHOICES = ("auto", "chat", *(template.name for template in TEMPLATES), FIREFLY)
