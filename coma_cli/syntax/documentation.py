"""The prose of documentation: the description of a function without parameter lists, examples and markup.

Python docstrings have no comment markers; those in other languages are stripped first (`comment_markup`).
"""

import inspect
import re
from dataclasses import dataclass
from functools import lru_cache

from coma_cli.syntax.comment_markup import without_markup
from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.remarks import remark_in
from coma_cli.syntax.skipped_methods import speaks_of_a_skipped_method
from coma_cli.text_language.identification import identify, text_language_of
from coma_cli.words import sentences, words

# A line that starts something else than prose: field lists, section titles, doctests, directives, "name -- text" lists.
_STOP = re.compile(
    r"""\s*(?:
        :\w[\w\s]*:(?!`) | @\w+\b | >>> | \.\.\s | \.\.$ | [-*+•]\s | \d+[.)]\s | \|(?!\w[^|\n]*\w\|\s\w)
      | (?:!!!|\?\?\?)\s
      | [*`]*\w+[*`]*\s+\((?:[`*]|:\w+:|(?:int|str|string|bool|boolean|float|list|dict|tuple|array|callable|optional)\b)
          [^\n]*\)\s*:
      | (?:args?|arguments?|params?|parameters?|keyword\s+arguments?|kwargs|returns?|return\s+values?|yields?
          |raises?|throws|exceptions?|examples?|usage|notes?|warnings?|see\s+also|references?|attributes|todo|side\s+effects)\s*:{1,2}\s*$
      | (?:args|arguments|params|parameters|returns|raises|yields|examples?|usage|notes?|todo)\s*:
      | [\w*,.\s]{1,30}\s+--\s | [\w*]+\s*:\s+\w+\s*$ | \$\s
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_UNDERLINE = re.compile(r"\s*([-=~^*_#])\1{2,}\s*$")
_SIGNATURE = re.compile(
    r"[\w.\[\]]+\(.*\)\s*(?:(?:->|-->|=>|==>|:)\s*\S.*)?$|[\w.\[\]]+\(.*\)\s*(?:->|-->)\s*.*$"
    r"|[\w.\[\]:#]+\s*(?:->|-->|=>|==>)\s*[\w.:\[\]<>,|/` ]+$"
)
# A signature in the space-separated tokens of an upstream file, without the name before it.
_PARAMETERS = re.compile(r"\s*\([^.!?]*\)\s*(?:(?:-\s?>|=\s?>|:)\s*\S.*)?\.?")
_ROLE = re.compile(r":[\w:+-]+:`~?!?([^`<]+?)(?:\s*<[^`>]*>)?`")
# Links of reStructuredText and Markdown, of which the text stays, footnotes, and substitutions: `|name|`.
_LINK = re.compile(r"`([^`<>]+?)\s*<[^`<>\s]+>`__?|(?<!`)`([^`<>]+)`__?(?![\w`])|(?<!\w)\[([^\[\]]+)\]\([^()\s]+\)")
_FOOTNOTE = re.compile(r"\s*\[(?:#?\w*|\*)\]_(?!\w)")
_SUBSTITUTION = re.compile(r"(?<![\w|'`<])\|([A-Za-z][\w -]+[A-Za-z])\|(?![\w|'`>])")
_DIRECTIVE = re.compile(r"\s\.\. [\w-]+::.*")
_ARROW = re.compile(r"\A(?:[-=]+>+|>+|»)\s*")
_ADDRESS = re.compile(r"https?://|\bwww\.")
_POINTER = re.compile(
    r"\W*(?:see|cf|for (?:more|further|details)|more (?:info|details)|read (?:more|the)|sources?|original)\b",
    re.IGNORECASE,
)
# How Doxygen comments begin: with a marker, or with a command that introduces the description. And the quotes of a
# docstring with a prefix, which CodeSearchNet left in place.
_OPENING = re.compile(r"\A\s*!?\s*[@\\]brief\b[ \t]*|\A!\s+|\A\s*[rRuUbB]{1,2}(?:\"{3}|'{3})")
_MIN_SENTENCE_WORDS = 3
_MIN_SUMMARY_WORDS = 3  # as CodeXGLUE's filter of CodeSearchNet: under three words of documentation


@dataclass(frozen=True)
class Prose:
    """`summary` is the first paragraph on one line; `description` all paragraphs, one per line."""

    summary: str
    description: str


@lru_cache(maxsize=16)  # the steps that make one function's row call it in a row
def prose_of(documentation: str, language: str = "python") -> Prose | None:
    """The prose at the beginning of a docstring or comment, or None if there is none."""
    text = documentation.replace("\r\n", "\n")
    text = inspect.cleandoc(_OPENING.sub("", text)) if language == "python" else without_markup(text, language)
    paragraphs: list[str] = []
    for block in _blocks(text.split("\n")):
        kept, stopped = _prose_lines(block, first=not paragraphs)
        text = _plain(" ".join(line.strip() for line in kept))
        if text:
            paragraphs.append(text)
        if stopped:
            break
    return Prose(paragraphs[0], "\n".join(paragraphs)) if paragraphs else None


@lru_cache(maxsize=16)
def leaks(description: str, code: str) -> str | None:
    """The first sentence of a description that occurs verbatim in the code, or None; very short ones don't count."""
    haystack = f" {' '.join(words(code))} "
    for sentence in sentences(description):
        wanted = words(sentence)
        if len(wanted) >= _MIN_SENTENCE_WORDS and f" {' '.join(wanted)} " in haystack:
            return sentence
    return None


def refusal(function: CodeFunction, prose: Prose | None) -> tuple[str, str] | None:
    """Why a function with its documentation is rejected, with a detail, or None.

    Reasons are an empty body, no prose, too few words, a text in neither English nor Chinese, a remark or a
    fragment instead of a description, and a sentence of the prose that is still in the code.
    """
    if function.empty:
        return "empty-body", ""
    if prose is None or not any(map(str.isalpha, prose.summary)):
        return "no-prose", ""
    if len(words(prose.summary)) < _MIN_SUMMARY_WORDS:
        return "too-short", prose.summary
    if text_language_of(prose.summary) is None:
        return "text-language", f"ISO 639: {identify(prose.summary)}"
    if _is_signature(prose.summary, function.name):
        return "no-prose", prose.summary
    kind = remark_in(prose.summary, function.header, function.name)
    if kind is None and speaks_of_a_skipped_method(prose.summary, function):
        kind = "of another method"
    if kind is not None:
        return "fragment", f"{kind}: {prose.summary}"
    sentence = leaks(prose.description, function.code) or leaks(prose.summary, function.code)
    return ("leaks-answer", sentence) if sentence else None


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _prose_lines(block: list[str], *, first: bool) -> tuple[list[str], bool]:
    """The lines of a paragraph that are prose, and whether the prose ends in or after it."""
    if first and len(block) > 1 and _SIGNATURE.fullmatch(block[0].strip()):
        block = block[1:]
    elif first and _SIGNATURE.fullmatch(block[0].strip()) and len(words(block[0])) < 30:
        return [], False
    if block[0][:1].isspace() and not first:
        return [], True  # indented text is code, output or a list
    for number, line in enumerate(block):
        if _UNDERLINE.fullmatch(line):
            return block[: max(0, number - 1)], True
        if _STOP.match(line):
            return block[:number], True
    return block, block[-1].rstrip().endswith("::")


def _plain(text: str) -> str:
    """Prose without the markup of reStructuredText and links; a colon before a cut becomes a full stop.

    A sentence with an address is skipped: nobody could write the address who knows only the function.
    """
    text = _DIRECTIVE.sub("", _FOOTNOTE.sub("", _ROLE.sub(r"`\1`", text)))
    if _ADDRESS.search(text):
        text = _without_addresses(text)
    text = _LINK.sub(_label, text).replace("``", "`")
    text = _ARROW.sub("", _SUBSTITUTION.sub(r"\1", re.sub(r"\s+", " ", text)).strip())
    return re.sub(r"\s*:+$", ".", text)


def _without_addresses(text: str) -> str:
    """The sentences that neither show an address nor only point to one."""
    kept = (
        sentence
        for sentence in sentences(text)
        if not _ADDRESS.search(_LINK.sub(_label, sentence))
        and not (_POINTER.match(sentence) and _ADDRESS.search(sentence))
    )
    return " ".join(kept)


def _label(link: re.Match[str]) -> str:
    return link[1] or link[2] or link[3]


def _is_signature(text: str, name: str) -> bool:
    """Whether a text is the head of the function of that name, perhaps as tokens; or the head of any other one."""
    called = re.split(r"[.:#]", name)[-1]
    head, found, rest = text.partition(called) if called else ("", "", "")
    own = bool(found) and " " not in head.strip() and _PARAMETERS.fullmatch(rest) is not None
    return own or (_SIGNATURE.fullmatch(text) is not None and " " not in text.partition("(")[0].strip())
