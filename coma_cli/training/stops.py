"""What other programs need to use a tuned model: where answers stop, and the prompt's form as a chat template.

coma reads its own template file. transformers' `generate`, servers and converters read `generation_config.json` and the
tokenizer's chat template: a model tuned with a template that is not its base's would never stop there without both.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.errors import UsageError
from coma_cli.jsonl import write_json
from coma_cli.prompting import PromptTemplate, encode_prompt, stop_token_ids

GENERATION_FILE = "generation_config.json"
_PROBES = ("Return the sum of a and b.", "def f(a):\n    return {a}  # <b>")
_FRAME = (
    "{%% set before = namespace(system='') %%}%(first)s{%% for message in messages %%}"
    "{%% if message['role'] == 'system' %%}{%% set before.system = message['content'] + '\\n\\n' %%}"
    "{%% elif message['role'] == 'assistant' %%}{{ message['content'] }}{{ %(end)s }}"
    "{%% if not loop.last %%}{{ %(between)s }}{%% endif %%}"
    "{%% else %%}{%% set instruction = before.system + message['content'] %%}{%% set before.system = '' %%}"
    "{%% set input = '' %%}%(source)s{%% endif %%}{%% endfor %%}"
)


def save_for_others(folder: Path, template: PromptTemplate, tokenizer: Any, generation: Any) -> None:
    """Save a tokenizer that renders the template, and a generation configuration that stops where answers end.

    `generation` is the base's configuration (transformers' GenerationConfig), whose other values and end tokens stay.
    """
    with _rendering(template, tokenizer):
        tokenizer.save_pretrained(folder)
    values: Mapping[str, Any] = generation.to_diff_dict()
    kept = {name: value for name, value in values.items() if not name.startswith("_")}
    write_json(folder / GENERATION_FILE, {**kept, **_ends(template, tokenizer, generation.eos_token_id)})


def _ends(template: PromptTemplate, tokenizer: Any, own: int | list[int] | None) -> dict[str, int | list[int]]:
    """The token that ends answers, and the base's own end tokens after it."""
    others = own if isinstance(own, list) else [] if own is None else [own]
    ends = list(dict.fromkeys([*stop_token_ids(template, tokenizer), *others]))
    return {"eos_token_id": ends[0] if len(ends) == 1 else ends} if ends else {}


@contextmanager
def _rendering(template: PromptTemplate, tokenizer: Any) -> Iterator[None]:
    """Have the tokenizer's chat template be the template for the time of a block."""
    before = tokenizer.chat_template
    if not template.is_chat:
        chat = chat_source(template, tokenizer)
        if chat is None:
            console.warn(f"The template {template.name} can't be written as a chat template; use it through coma.")
        else:
            tokenizer.chat_template = chat
    try:
        yield
    finally:
        tokenizer.chat_template = before


def chat_source(template: PromptTemplate, tokenizer: Any) -> str | None:
    """A template for one instruction as a chat template; None if its prompts would differ by a token.

    A system text comes before the first instruction.
    """
    end = template.end or template.stop or tokenizer.eos_token or ""
    parts = {"end": json.dumps(end), "between": json.dumps(template.between), "source": template.jinja}
    opening = f"{{{{ {json.dumps(template.opening)} }}}}" if template.opening else ""
    for first in ("", "{{ bos_token }}"):
        source = _FRAME % {**parts, "first": first + opening}
        if all(_same(source, template, tokenizer, probe) for probe in _PROBES):
            return source
    return None


def _same(source: str, template: PromptTemplate, tokenizer: Any, probe: str) -> bool:
    from coma_cli.chat_templates import conversation, render_chat

    try:
        text = render_chat(tokenizer, source, conversation(probe), {}, open_answer=True)
    except UsageError:
        return False
    return list(tokenizer(text, add_special_tokens=False)["input_ids"]) == encode_prompt(template, tokenizer, probe)
