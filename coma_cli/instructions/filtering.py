"""What instructions and programs must satisfy to become a row. A check returns None, or the reason to refuse."""

import ast
import re
import warnings

from coma_cli.instructions.parsing import Refused
from coma_cli.instructions.settings import Filters
from coma_cli.records import TextLanguage
from coma_cli.text_language.identification import not_simplified
from coma_cli.words import chinese_share, grams, latin_share, shortened, tokens, words

_LEAST_CHINESE = 0.3  # share of the letters; names of functions and languages are Latin
_MOST_CHINESE = 0.1
_FEWEST_CHINESE_CHARACTERS = 4
_LEAST_OF_ENGLISH = 0.7  # characters per English word, for texts that are mostly names
_MOST_OF_ENGLISH = 6  # words or characters per English word
_FEWEST_WORDS = 10  # shorter texts may grow more
_LEAST_LATIN = 0.7
# Phrases about code that the reader does not have. Not "the function" alone: it may be the one to be written.
_MENTIONS = re.compile(
    r"\b(?:given|provided|above|following|original|existing|shown) (?:source )?(?:code|snippet)\b"
    r"|\b(?:above|original|existing) (?:function|method|class|implementation|script)\b"
    r"|\b(?:code|snippet)(?: \w+)? (?:above|shown|provided|below(?=[.,:;]))\b"
    r"|\b(?:this|the) (?:code )?snippet\b|</?code>"
    r"|(?:上述|上面|以上|给定|所给|提供|下面|以下)的?(?:代码|函数)|[这该]段代码",
    re.IGNORECASE,
)


_MOST_TRADITIONAL = 1  # different characters: a name may have one
_MARKUP = re.compile(
    r"</?(?:p|br|div|span|code|pre|ul|ol|li|b|i|em|strong|a|h[1-6]|table|tr|td)\b[^<>]*>|&(?:nbsp|lt|gt|amp|quot);"
)
# What is between backticks, or has the form of a name in code: parse_row, parseRow, os.path, run().
_IDENTIFIER = re.compile(
    r"`([^`\s]{1,60})`|(?<![\w.])([A-Za-z]\w*_\w+|[a-z]+[A-Z]\w*|[A-Za-z_]\w*(?=\(\))|[a-z]\w+\.[a-z]\w{2,}(?=[\s,;:)]))"
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])(?!\.\d)", re.ASCII)
_CHINESE_NUMBERS = ("零〇", "一首", "二两双", "三", "四", "五", "六", "七", "八", "九", "十")
_QUOTED_TOKENS = 5  # of an answer; a shorter one may well be named in the question
_ECHOED_WORDS = 6


def flaw_of_instruction(text: str, text_language: TextLanguage, filters: Filters) -> Refused | None:
    """Why an instruction is refused."""
    size = len(words(text))
    if size < filters.min_words:
        return Refused("instruction-too-short", f"{size} words")
    if size > filters.max_words:
        return Refused("instruction-too-long", f"{size} words")
    if "```" in text:
        return Refused("instruction-holds-code")
    mention = _MENTIONS.search(text)
    if mention:
        return Refused("mentions-the-code", mention[0])
    chinese = chinese_share(text)
    fits = (
        chinese >= _LEAST_CHINESE
        if text_language == "cn"
        else chinese <= _MOST_CHINESE and latin_share(text) >= _LEAST_LATIN
    )
    return None if fits else Refused("other-text-language", f"{chinese:.0%} Chinese")


def flaw_of_chinese(text: str, english: str, answer: str = "", prompt: str = "") -> Refused | None:
    """Why a text is refused as the Chinese form of an English one.

    `answer` is the program that the text must not give away, `prompt` what the model was asked with.
    """
    if "```" in text:
        return Refused("text-holds-code")
    traditional = not_simplified(text)
    if len(traditional) > _MOST_TRADITIONAL:
        return Refused("traditional-characters", "".join(traditional[:10]))
    markup = _MARKUP.search(text)
    if markup and markup[0] not in english:
        return Refused("text-holds-markup", markup[0])
    told = tokens(answer)
    if len(told) >= _QUOTED_TOKENS and f" {' '.join(told)} " in f" {' '.join(tokens(text))} ":
        return Refused("quotes-the-answer")
    echo = _echo(text, english, prompt)
    if echo:
        return Refused("echoes-the-request", echo)
    characters = sum("\u3400" <= character <= "\u9fff" for character in text)
    if characters < _FEWEST_CHINESE_CHARACTERS:
        return Refused("other-text-language", f"{characters} Chinese characters")
    chinese = chinese_share(text)
    if chinese < _LEAST_CHINESE and characters < _LEAST_OF_ENGLISH * len(words(english)):
        return Refused("other-text-language", f"{chinese:.0%} Chinese")
    # A character says about as much as half a word: a text far longer than that is not a translation.
    if len(words(text)) > _MOST_OF_ENGLISH * max(len(words(english)), _FEWEST_WORDS):
        return Refused("too-long", f"{len(words(text))} words and characters for {len(words(english))} words")
    return _lost(text, english)


def _lost(text: str, english: str) -> Refused | None:
    """What the English text names that the Chinese one should have kept."""
    if name := _lost_name(text, english):
        return Refused("loses-a-name", name)
    number = _lost_number(text, english)
    return Refused("loses-a-number", number) if number else None


def _lost_name(text: str, english: str) -> str:
    """The first identifier of the English text that the Chinese one lacks, or ""."""
    for match in _IDENTIFIER.finditer(english):
        name = str(match[1] or match[2])
        if name not in text:
            return name
    return ""


def _lost_number(text: str, english: str) -> str:
    """The first number of the English text that the Chinese one has neither in digits nor, if small, in a word."""
    there = set(_NUMBER.findall(text.replace(",", "")))
    for number in map(str, _NUMBER.findall(english.replace(",", ""))):
        words_for_it = (
            _CHINESE_NUMBERS[int(number)] if number.isdigit() and len(number) < 3 and int(number) <= 10 else ""
        )
        if number not in there and not any(word in text for word in words_for_it):
            return str(number)
    return ""


def _echo(text: str, english: str, prompt: str) -> str:
    """The first run of words of the English text or of the prompt that is repeated, or ""."""
    known = {*grams(words(english), _ECHOED_WORDS), *grams(words(prompt), _ECHOED_WORDS)}
    return " ".join(next((run for run in grams(words(text), _ECHOED_WORDS) if run in known), ()))


def flaw_of_program(code: str, language: str, filters: Filters) -> Refused | None:
    """Why a program is refused. Python is parsed; for other languages only the size is checked."""
    size = sum(1 for line in code.splitlines() if line.strip())
    if size < filters.min_program_lines:
        return Refused("program-too-short", f"{size} lines")
    return flaw_of_python(code, filters) if language == "python" else None


def flaw_of_python(code: str, filters: Filters) -> Refused | None:
    """Why a Python program is refused: it does not parse, does nothing, or reads user input."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a program is not our concern
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Refused("does-not-parse", shortened(str(error), 120))
    if filters.must_run and not any(map(_does_something, tree.body)):
        return Refused("does-nothing")
    return Refused("reads-input") if any(map(_reads_input, ast.walk(tree))) else None


_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)
_VALUES = (ast.Assign, ast.AnnAssign, ast.AugAssign)


def _does_something(statement: ast.stmt) -> bool:
    """Whether a top-level statement has a visible effect when the module runs."""
    if isinstance(statement, _DEFINITIONS):
        return False
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, _VALUES):
        return False
    return not isinstance(statement, ast.If) or any(map(_does_something, statement.body))


def _reads_input(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "input"
    return isinstance(node, ast.Attribute) and node.attr == "stdin"
