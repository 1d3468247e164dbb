"""The prompts of round one: an instruction for one code function, or for several in one request.

What is required varies with the seed of the run and the function: how long the instruction is, whether it describes
input and output, and how it is worded. Two sets of requirements: coma's own, for tasks that a single program solves,
and those of CodeCapybara's recipe, in our words.

Several functions in one request are answered in JSON, each answer with the name of its snippet. The names follow from
the functions, not from their order, so an answer that is reordered, shifted or incomplete leaves no doubt about what
belongs to what: a function without exactly one answer of its name is requested again alone.
"""

import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from coma_cli.corpus.extraction.thinking import without_thinking
from coma_cli.instructions.seeds import Seed
from coma_cli.languages import display
from coma_cli.records import TextLanguage, row_seed

Requirements = Literal["coma", "codecapybara"]
WRITTEN_IN: Mapping[TextLanguage, str] = {"en": "English", "cn": "Simplified Chinese"}
_NAME_DIGITS = 8

# Minimum words, from and to, and how many more the maximum may be. Source of the second: CodeCapybara's generator.
_LENGTHS: Mapping[Requirements, tuple[int, int]] = {"coma": (15, 50), "codecapybara": (0, 50)}
_MORE_WORDS = (30, 100)
_FORMS = (
    "Put the task as a request that begins with a verb.",
    "Put the task as a question.",
    "Describe briefly when the program is needed, then ask for it.",
    "State the task as a short specification of what the program has to do.",
    "Begin with the result that is wanted, then say what it is made from.",
    "Use another verb than write or create.",
)


@dataclass(frozen=True)
class Variation:
    """What varies between requests: the fewest and most words, whether input and output are described, the wording."""

    fewest: int
    most: int
    describes_data: bool
    form: str


def variation_of(run_seed: int, key: str, requirements: Requirements) -> Variation:
    """The variation of a request; the same for the same seed of the run and the same function."""
    drawn = random.Random(row_seed(run_seed, f"{key}|requirements"))  # noqa: S311  # no secret
    fewest = drawn.randint(*_LENGTHS[requirements])
    return Variation(fewest, fewest + drawn.randint(*_MORE_WORDS), drawn.random() < 0.5, drawn.choice(_FORMS))


def _own(variation: Variation, text_language: TextLanguage, language: str) -> list[str]:
    data = (
        "Describe the input, the expected output and any edge cases."
        if variation.describes_data
        else "Say what the program has to do, without a list of inputs and outputs."
    )
    return [
        "The person solving the task will not see the code. Do not mention it, quote it or refer to it in any way.",
        data,
        "Omit anything that only makes sense inside the project the code comes from. The task must be solvable by a "
        "single self-contained program without network access, files or user input.",
        f"State that the solution must be written in {language}.",
        variation.form,
        f"Write the task in {WRITTEN_IN[text_language]}, {_length(variation, text_language)}.",
    ]


def _codecapybara(variation: Variation, text_language: TextLanguage, language: str) -> list[str]:
    return [
        "Say clearly what the program has to do and how it behaves.",
        "Vary the verbs from task to task.",
        f"Vary the form. {variation.form}",
        "A language model that reads and writes text must be able to do it: nothing to draw or to play.",
        f"Write in {WRITTEN_IN[text_language]}, and put no code into the task.",
        f"Be concise: {_length(variation, text_language)}.",
        "Be true to the code: ask for nothing that it does not do.",
        "Only programming tasks: no review, explanation or translation of code.",
        f"Use the terms that programmers of {language} use.",
        f"Name the programming language, {language}.",
        "The person solving the task will not see the code: do not refer to it.",
        *(["Describe the input and the output."] if variation.describes_data else []),
    ]


def _length(variation: Variation, text_language: TextLanguage) -> str:
    unit = "words" if text_language == "en" else "characters"
    return f"between {max(variation.fewest, 1)} and {variation.most} {unit} long"


def _numbered(requirements: Requirements, variation: Variation, text_language: TextLanguage, language: str) -> str:
    lines = (_own if requirements == "coma" else _codecapybara)(variation, text_language, language)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


_ONE = """\
Read this {language} code:

<code>
{code}
</code>

Write one programming task that code like this would solve.

{requirements}

Answer with the task between <instruction> and </instruction> and nothing else."""

_SEVERAL = """\
Read these {count} snippets of code. Each has a name.

{snippets}

For each snippet write one programming task that code like it would solve. The tasks have nothing to do with each other.

{requirements}

Answer with one JSON object and nothing else: {{"tasks": [{{"snippet": NAME, "instruction": TASK}}, ...]}}, with one \
entry for each of {names}."""

_SNIPPET = """\
<snippet name="{name}" language="{language}">
{code}
</snippet>"""


def prompt_for_one(seed: Seed, run_seed: int, requirements: Requirements, text_language: TextLanguage) -> str:
    """The prompt for an instruction that one function would answer."""
    variation = variation_of(run_seed, seed.id, requirements)
    language = display(seed.language)
    rules = _numbered(requirements, variation, text_language, language)
    return _ONE.format(language=language, code=seed.code.strip("\n"), requirements=rules)


def prompt_for_several(
    seeds: Sequence[Seed], run_seed: int, requirements: Requirements, text_language: TextLanguage
) -> str:
    """The prompt for an instruction to each of several functions."""
    variation = variation_of(run_seed, group_key(seeds), requirements)
    languages = {display(seed.language) for seed in seeds}
    language = languages.pop() if len(languages) == 1 else "its snippet's language"
    names = snippet_names(seeds)
    snippets = (
        _SNIPPET.format(name=name, language=display(seed.language), code=seed.code.strip("\n"))
        for name, seed in names.items()
    )
    return _SEVERAL.format(
        count=len(seeds),
        snippets="\n\n".join(snippets),
        requirements=_numbered(requirements, variation, text_language, language),
        names=", ".join(names),
    )


def group_key(seeds: Sequence[Seed]) -> str:
    """What identifies a request for several functions."""
    return "+".join(seed.id for seed in seeds)


def snippet_names(seeds: Sequence[Seed]) -> dict[str, Seed]:
    """Functions by the names that they have in a prompt: the first digits of their ids."""
    return {seed.id[:_NAME_DIGITS]: seed for seed in seeds}


def schema_for(names: Collection[str]) -> str:
    """The JSON schema of an answer with an instruction for each name, as JSON text."""
    entry = {
        "type": "object",
        "properties": {"snippet": {"type": "string", "enum": list(names)}, "instruction": {"type": "string"}},
        "required": ["snippet", "instruction"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"tasks": {"type": "array", "items": entry}},
        "required": ["tasks"],
        "additionalProperties": False,
    }
    return json.dumps(schema, sort_keys=True)


def instructions_by_name(text: str, names: Collection[str]) -> dict[str, str]:
    """The instructions of an answer by the snippet that each says it is for; only those of which there is no doubt.

    A name that comes twice or is not among `names` gives nothing, and neither does text that is not a JSON object of
    the requested form: what is missing is requested again.
    """
    value = _json_in(without_thinking(text).text)
    entries = value.get("tasks") if isinstance(value, dict) else None
    found: dict[str, list[str]] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("snippet"), str):
            text_of_entry = entry.get("instruction")
            found.setdefault(entry["snippet"], []).append(text_of_entry if isinstance(text_of_entry, str) else "")
    return {name: texts[0].strip() for name, texts in found.items() if name in names and _is_one_text(texts)}


def _is_one_text(texts: Sequence[str]) -> bool:
    return len(texts) == 1 and bool(texts[0].strip())


def _json_in(text: str) -> Any:
    """The JSON object in a text that may have a fence or a sentence around it; None if there is none."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0:
        return None
    try:
        return json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return None
