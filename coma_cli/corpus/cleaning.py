"""Cleaning: leaves out rows that teach nothing, each with the first reason that applies.

Reasons: `text-language`, `undecodable`, `empty-instruction`, `empty-output`, `too-short`, `too-long`, `boilerplate`,
`does-not-parse`. Pure: rows in, rows out.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from coma_cli.catalog.languages import looks_like_python, parses_as_python
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.records import Example, TextLanguage

_BOILERPLATE = re.compile(
    r"\{@inheritdoc\}|^\W*(?:auto-?generated|generated)\b.{0,40}(?:method|function|stub|code)"
    r"|^\W*(?:todo|fixme|xxx|tbd|not implemented|no documentation|undocumented|missing documentation)\b"
    r"|^\W*(?:see|same as|inherited from|overridden|overrides?|override of) (?:the )?(?:base|parent|super)\s?-?class\b"
    r"|^\W*(?:internal use only|for internal use|deprecated)\W*$",
    re.IGNORECASE,
)
_REFUSAL = re.compile(r"^(?:i'?m sorry,? (?:but )?i|sorry, i can'?t|as an ai(?: language)? model)", re.IGNORECASE)
_UNDECODABLE = re.compile("[\x00\ufffd\ud800-\udfff]")
_FENCED = re.compile(r"\A\s*```[\w+#-]*\n(?P<code>.*?)\n?```\s*\Z", re.DOTALL)


class CleaningRules(BaseModel):
    """Limits of what is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text_languages: tuple[TextLanguage, ...] = Field(default=("en", "cn"), description="Text languages that are kept.")
    min_output_chars: int = Field(default=2, ge=1, description="Shortest answer, in characters.")
    max_chars: int = Field(
        default=8000, ge=1, description="Longest row (instruction, input and output), in characters."
    )
    max_words: int = Field(default=1200, ge=1, description="Longest row, in words separated by blanks.")


Verdict = tuple[str, str]
Check = Callable[[Example, CleaningRules], Verdict | None]


def clean(examples: Iterable[Example], rules: CleaningRules, on_drop: OnDrop) -> Iterator[Example]:
    """The rows that pass all checks; the others go to `on_drop`."""
    for example in examples:
        verdict = fault(example, rules)
        if verdict is None:
            yield example
        else:
            on_drop(dropped(example, *verdict))


def fault(example: Example, rules: CleaningRules) -> Verdict | None:
    """The first reason against a row, with a detail; None for a good one."""
    return next((verdict for check in CHECKS if (verdict := check(example, rules)) is not None), None)


def _text_language(example: Example, rules: CleaningRules) -> Verdict | None:
    wanted = example.text_language in rules.text_languages
    return None if wanted else ("text-language", f"{example.text_language} is not among those asked for")


def _undecodable(example: Example, rules: CleaningRules) -> Verdict | None:
    broken = any(_UNDECODABLE.search(text) for text in (example.instruction, example.input, example.output))
    return ("undecodable", "it holds signs that stand for undecodable bytes") if broken else None


def _empty(example: Example, rules: CleaningRules) -> Verdict | None:
    if not example.instruction.strip():
        return "empty-instruction", ""
    return None if example.output.strip() else ("empty-output", "")


def _length(example: Example, rules: CleaningRules) -> Verdict | None:
    if len(example.output.strip()) < rules.min_output_chars:
        return "too-short", f"{len(example.output.strip())} characters"
    text = f"{example.instruction} {example.input} {example.output}"
    if len(text) > rules.max_chars:
        return "too-long", f"{len(text)} characters"
    count = len(text.split())
    return ("too-long", f"{count} words") if count > rules.max_words else None


def _boilerplate(example: Example, rules: CleaningRules) -> Verdict | None:
    found = _BOILERPLATE.search(example.output[:400]) if TASKS_WITH_TEXT_ANSWERS & {example.task} else None
    found = found or _REFUSAL.search(example.output[:400])
    return ("boilerplate", found.group()) if found else None


def _parses(example: Example, rules: CleaningRules) -> Verdict | None:
    """Python in the fields that hold code; an answer without the look of Python (prose, say) is not judged."""
    task = TASKS.get(example.task)
    if task is None or example.language != "python":
        return None
    for name in task.code_fields:
        code = textwrap.dedent(unfenced(getattr(example, name)))
        if looks_like_python(code) and not parses_as_python(code):
            return "does-not-parse", name
    return None


def unfenced(text: str) -> str:
    """A program without the Markdown fence around it, if the whole text is one fenced block."""
    fenced = _FENCED.match(text)
    return fenced["code"] if fenced else text


TASKS_WITH_TEXT_ANSWERS = frozenset(task.name for task in TASKS.values() if task.group == "code-to-text")
CHECKS: tuple[Check, ...] = (_text_language, _undecodable, _empty, _length, _boilerplate, _parses)
