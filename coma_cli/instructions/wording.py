"""Checks of how an instruction is worded: its start and end, a task, the right language, no code of the function."""

import re
import string

from coma_cli.instructions.parsing import Refused
from coma_cli.instructions.settings import GenSettings, InstructionCheck
from coma_cli.languages import LANGUAGES, display
from coma_cli.records import TextLanguage
from coma_cli.words import grams, tokens

_PUNCTUATION = frozenset(string.punctuation) | frozenset("，。、；：？！”’）】》·…—")
_UNFINISHED = re.compile(
    r"(?:[,;:(\[{\-–—，；：、（]|\b(?:the|an?|and|or|of|to|with|in|for|that|which|by|from|is|are|if|as)|[的和与或])\Z",
    re.IGNORECASE,
)
# Verbs with which tasks are given, and how people ask for programs.
_TASK = re.compile(
    r"\b(?:writ|implement|creat|build|develop|design|defin|comput|calculat|return|find|count|sort|print|pars|convert"
    r"|generat|determin|check|validat|transform|extract|merg|filter|remov|replac|produc|provid|mak|giv|us|construct|solv"
    r"|load|read|sav|stor|format|split|join|search|compar|simulat|complet|rewrit|add|set|get|updat|handl|process|cod"
    r"|program|need|must|should|can|could|want|requir)(?:e|es|s|ed|ing|t|te|ten)?\b|\?",
    re.IGNORECASE,
)
_CHINESE_TASK = re.compile(
    r"编写|实现|写|创建|设计|开发|定义|计算|返回|找|统计|排序|打印|输出|解析|转换|生成|判断|检查|请|用|如何|怎|？"
)
_COPIED_TOKENS = 10
_SIGNS_IN_COPY = 4  # so many of them are punctuation: code, and not words that a docstring has too
_OTHER_LANGUAGES = {name: display(name) for name in LANGUAGES}


def flaw_of_wording(text: str, code: str, language: str, settings: GenSettings) -> Refused | None:
    """Why an instruction to a function is refused, by those checks that the settings name."""
    found = {
        "odd-start": lambda: _odd_start(text, settings.text_language),
        "cut-off": lambda: _cut_off(text),
        "names-no-task": lambda: _no_task(text, settings.text_language),
        "names-another-language": lambda: _another_language(text, language),
        "copies-the-code": lambda: _copied(text, code),
    }
    for check in settings.filters.instruction_checks:
        detail = found[check]() if check in found else None
        if detail is not None:
            return _refused(check, detail)
    return None


def _refused(check: InstructionCheck, detail: str) -> Refused:
    return Refused(check, detail)


def _odd_start(text: str, text_language: TextLanguage) -> str | None:
    """The first character, if no sentence begins with it; source: CodeCapybara's filter."""
    first = text.lstrip()[:1]
    odd = first in _PUNCTUATION or (text_language == "en" and not first.isascii())
    return first if odd else None


def _cut_off(text: str) -> str | None:
    """The end of a text that breaks off in a sentence."""
    end = text.rstrip()
    return end[-40:] if _UNFINISHED.search(end) else None


def _no_task(text: str, text_language: TextLanguage) -> str | None:
    named = (_CHINESE_TASK if text_language == "cn" else _TASK).search(text)
    return None if named else text[:80]


def _another_language(text: str, language: str) -> str | None:
    """The language that a solution is wanted in, if the function is in another one, which the text does not name."""
    if _names(text, display(language)) or _names(text, language):
        return None
    for name, title in _OTHER_LANGUAGES.items():
        if name != language and re.search(rf"(?:\b(?:in|using) |用|使用) ?{re.escape(title)}(?![\w+#])", text):
            return title
    return None


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w+#]){re.escape(name)}(?![\w+#])", text, re.IGNORECASE | re.ASCII) is not None


def _copied(text: str, code: str) -> str | None:
    """The first run of tokens of the code that an instruction repeats."""
    known = set(grams(tokens(code), _COPIED_TOKENS))
    for run in grams(tokens(text), _COPIED_TOKENS):
        if run in known and sum(not token[0].isalnum() for token in run) >= _SIGNS_IN_COPY:
            return " ".join(run)
    return None
