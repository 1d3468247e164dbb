"""Cleaning: drops rows that teach nothing or must not be redistributed, each with the first reason that applies.

Reasons in the order of the checks: `text-language`, `licence-not-allowed`, `undecodable`, `empty-instruction`,
`empty-output`, `too-short`, `too-long`, `boilerplate`, `secret`, `not-code`, `other-language`, `does-not-parse`.
Secrets are masked unless `secrets` says otherwise. Pure: rows in, rows out.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from coma_cli.catalog.licences.kinds import allows
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.cleaning.masking import first_secret, masked_row
from coma_cli.corpus.cleaning.rules import TEXT_LANGUAGE, not_requested
from coma_cli.corpus.cleaning.rules import CleaningRules as CleaningRules
from coma_cli.corpus.cleaning.text_language import wrong_language
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.formats.fences import only_block
from coma_cli.languages import LANGUAGES, looks_like_python, parses_as_python
from coma_cli.records import Example
from coma_cli.syntax.python_dialects import is_python2
from coma_cli.syntax.sql_dialects import is_sql_dialect
from coma_cli.syntax.trees import bytes_in_error, parse, parses

_BOILERPLATE = re.compile(
    r"\{@inheritdoc\}|^\W*(?:auto-?generated|generated)\b.{0,40}(?:method|function|stub|code)"
    r"|^\W*(?:todo|fixme|xxx|tbd|not implemented|no documentation|undocumented|missing documentation)\b"
    r"|^\W*(?:see|same as|inherited from|overridden|overrides?|override of) (?:the )?(?:base|parent|super)\s?-?class\b"
    r"|^\W*(?:internal use only|for internal use|deprecated)\W*$",
    re.IGNORECASE,
)
_REFUSAL = re.compile(r"^(?:i'?m sorry,? (?:but )?i|sorry, i can'?t|as an ai(?: language)? model)", re.IGNORECASE)
_UNDECODABLE = re.compile("[\x00\ufffd\ud800-\udfff]")
# Bug2Fix's placeholders for names and literals; such code is not a program in its language.
_ABSTRACTED = re.compile(r"\b(?:VAR|METHOD|TYPE|STRING|INT|CHAR|FLOAT)_\d+\b")
_COMMENT_LINE = re.compile(r"\s*(?:#(?!include|define|if|endif|else|pragma)|//|/\*|\*|--)")
# A sentence, a fence or markup: found in answers that are labelled with the language of their question.
_NO_PROGRAM = re.compile(r"(?m)^\s*[A-Z][^;{}=\n]*(?: [^;{}=\s]+){5,}[^;{}=\n]*$|^\s*```|\A\s*<")
_PUNCTUATION = re.compile(r"[(){}\[\];=<>:]|\n")
# Prose before code: a sentence of at least six words.
_OPENING_SENTENCE = re.compile(r"\s*[A-Z][\w']*(?:,? [\w'`\"()./-]+){5,}[.:,]")
# Commands, queries and Perl that answer questions about Python on Stack Overflow, and are not Python.
_SHELL_OR_SQL = re.compile(
    r"\s*(?:\$ [a-z./]|(?:sudo|pip3?|conda|apt-get|apt|brew|git|easy_install) [a-z-]+"
    r"|use strict;|#!\S*perl|my [$@%]\w+ ?="
    r"|(?:select\b[^;]*\bfrom|update\b[^;]*\bset|insert\s+into|delete\s+from|create\s+(?:table|index|view)|alter\s+table)\s)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"[0-9]+")
_MOST_IN_ERROR = 0.5  # of a text in a language whose grammar knows no macros, or few dialects
_JUDGED_CHARS, _JUDGED_LINES = 200, 4
_MOST_DIGITS, _MOST_COMMENTS = 0.5, 0.75


Reason = tuple[str, str]
Check = Callable[[Example, CleaningRules], Reason | None]


def clean(examples: Iterable[Example], rules: CleaningRules, on_drop: OnDrop) -> Iterator[Example]:
    """The rows that pass all checks, with their secrets masked; the others go to `on_drop`."""
    for example in map(relabelled, examples):
        reason = reject(example, rules)
        if reason is None:
            yield masked_row(example) if rules.secrets == "mask" else example
        else:
            on_drop(dropped(masked_row(example) if rules.secrets != "keep" else example, *reason))


def relabelled(example: Example) -> Example:
    """A row of Python whose code is Python 2 with that language; any other row as it is."""
    if example.language != "python" or not any(is_python2(code) for _, code in _codes(example)):
        return example
    return example.model_copy(update={"language": "python2"})


def reject(example: Example, rules: CleaningRules) -> Reason | None:
    """The first reason against a row, with a detail; None for a good one."""
    return next((reason for check in CHECKS if (reason := check(example, rules)) is not None), None)


def _text_language(example: Example, rules: CleaningRules) -> Reason | None:
    if example.text_language not in rules.text_languages:
        return TEXT_LANGUAGE, not_requested(example.text_language)
    task = TASKS.get(example.task)
    worded = task is not None and task.asks_by_input and bool(example.input)
    texts = ["" if worded else example.instruction, example.output if _answers_in_prose(example) else ""]
    wrong = next((why for text in texts if (why := wrong_language(text, example.text_language)) is not None), None)
    return None if wrong is None else (TEXT_LANGUAGE, wrong)


def _licence(example: Example, rules: CleaningRules) -> Reason | None:
    return None if allows(rules.licences, example.licence) else ("licence-not-allowed", example.licence)


def _undecodable(example: Example, rules: CleaningRules) -> Reason | None:
    broken = any(_UNDECODABLE.search(text) for text in (example.instruction, example.input, example.output))
    return ("undecodable", "it contains replacement characters") if broken else None


def _empty(example: Example, rules: CleaningRules) -> Reason | None:
    if not example.instruction.strip():
        return "empty-instruction", ""
    return None if example.output.strip() else ("empty-output", "")


def _length(example: Example, rules: CleaningRules) -> Reason | None:
    if len(example.output.strip()) < rules.min_output_chars:
        return "too-short", f"{len(example.output.strip())} characters"
    text = f"{example.instruction} {example.input} {example.output}"
    if len(text) > rules.max_chars:
        return "too-long", f"{len(text)} characters"
    count = len(text.split())
    if count > rules.max_words:
        return "too-long", f"{count} words"
    if rules.tokenizer is None:
        return None
    tokens = len(_tokenizer(rules.tokenizer)(text, add_special_tokens=False)["input_ids"])
    return ("too-long", f"{tokens} tokens") if tokens > rules.max_tokens else None


@lru_cache(maxsize=2)
def _tokenizer(name: str) -> Any:
    """The tokenizer of a base; loaded once per worker."""
    from coma_cli.models.loading import load_tokenizer
    from coma_cli.models.resolution import resolve_base

    return load_tokenizer(resolve_base(name))


def _boilerplate(example: Example, rules: CleaningRules) -> Reason | None:
    found = _BOILERPLATE.search(example.output[:400]) if _answers_in_prose(example) else None
    found = found or _REFUSAL.search(example.output[:400])
    return ("boilerplate", found.group()) if found else None


def _answers_in_prose(example: Example) -> bool:
    task = TASKS.get(example.task)
    return task is not None and task.prose_answer


def _secret(example: Example, rules: CleaningRules) -> Reason | None:
    if rules.secrets != "drop":
        return None
    kind = first_secret(example)
    return None if kind is None else ("secret", kind)


def _codes(example: Example) -> Iterator[tuple[str, str]]:
    """The fields that hold only a program, with their names."""
    task = TASKS.get(example.task)
    for name in task.code_fields if task is not None else ():
        yield name, _program(getattr(example, name))


@lru_cache(maxsize=4)  # two consecutive checks look at the same fields
def _program(text: str) -> str:
    return textwrap.dedent(unfenced(text))


def _not_code(example: Example, rules: CleaningRules) -> Reason | None:
    """Code that is mostly numbers or comments."""
    for name, code in _codes(example):
        if len(code) < _JUDGED_CHARS:
            continue
        digits = len(code) - len(_DIGITS.sub("", code))
        if digits > _MOST_DIGITS * len(code):
            return "not-code", f"{name}: {digits} of {len(code)} characters are digits"
        lines = [line for line in code.splitlines() if line.strip()]
        comments = sum(_COMMENT_LINE.match(line) is not None for line in lines)
        if len(lines) >= _JUDGED_LINES and comments > _MOST_COMMENTS * len(lines):
            return "not-code", f"{name}: {comments} of {len(lines)} lines are comments"
    return None


def _other_language(example: Example, rules: CleaningRules) -> Reason | None:
    """A shell session, a query or Perl instead of Python."""
    for name, code in _codes(example):
        if example.language == "python" and _SHELL_OR_SQL.match(code) and not parses_as_python(code):
            return "other-language", f"{name}: {code.strip()[:40]!r} is not Python"
    return None


def _parses(example: Example, rules: CleaningRules) -> Reason | None:
    """Code that does not parse; an answer that does not look like a program (prose, say) is not checked."""
    for name, code in _codes(example):
        if not _PUNCTUATION.search(code):
            broken = False  # a value or a word: what a program prints
        elif example.language == "python":
            broken = looks_like_python(code) and not (parses_as_python(code) or _OPENING_SENTENCE.match(code))
        else:
            judged = not (_NO_PROGRAM.search(code) or _ABSTRACTED.search(code))
            broken = judged and _is_broken(example.language, code)
        if broken:
            return "does-not-parse", name
    return None


def _is_broken(language: str, code: str) -> bool:
    if parses(language, code) is not False or (language == "sql" and is_sql_dialect(code)):
        return False
    if not LANGUAGES[language].lenient:
        return True
    tree = parse(language, code)
    return tree is not None and bytes_in_error(tree.root) > _MOST_IN_ERROR * len(tree.source)


def unfenced(text: str) -> str:
    """A program without its Markdown fence, if the whole text is one fenced block."""
    block = only_block(text)
    return block.code.removesuffix("\n") if block is not None else text


CHECKS: tuple[Check, ...] = (
    _text_language,
    _licence,
    _undecodable,
    _empty,
    _length,
    _boilerplate,
    _secret,
    _not_code,
    _other_language,
    _parses,
)
