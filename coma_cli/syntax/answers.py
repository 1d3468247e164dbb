"""Why an answer that is asked to be code is not worth training on, as far as its text shows."""

import ast
import re

from coma_cli.languages import UNSPECIFIED
from coma_cli.syntax.javascript_names import undefined_in_javascript
from coma_cli.syntax.known_mistakes import known_mistake
from coma_cli.syntax.once_used_names import undeclared
from coma_cli.syntax.python_dialects import is_python2
from coma_cli.syntax.python_names import missing_attributes, undefined_names
from coma_cli.syntax.trees import parses
from coma_cli.syntax.unfinished import empty_block, placeholder
from coma_cli.words import name_set

NO_CODE, UNDEFINED, UNFINISHED, NOT_GIVEN = "no-code", "undefined-name", "unfinished-code", "no-code-given"
MISTAKE, BROKEN = "known-mistake", "does-not-parse"

_NAME = re.compile(r"\$?[A-Za-z_]\w*", re.ASCII)
# A sentence of at least five words.
_SENTENCE = re.compile(r"[A-Z][\w'’-]*(?:[,:]? [\w'’()/`\".*#&-]+){4,}[.:!?)]|(?:\d+\.|[-*]) [A-Z][\w' ,-]+[.:]?")
_CODE_SIGN = re.compile(
    r"[;{}]\s*$|\w\([^)]*\)\s*[:{]?\s*$|^\s*[\w.\[\]'\"$@]+\s*[-+*/|&]?=\s*\S|^\s*</?\w|=>|^\s*[\^/(]\S+$|\\[dwsb]"
    r"|^\s*(?:def|class|import|from|return|print|echo|puts|let|var|const|select|insert|update|delete|create|alter|sub)\b",
    re.MULTILINE | re.IGNORECASE,
)
_COMMENT_LINES = re.compile(r"^\s*(?:#|//|--|/?\*).*$", re.MULTILINE)
_MOSTLY = 0.6
# Languages in which a value or two words may be a whole program.
_TERSE = frozenset({"ruby", "bash", "sql", "css", "html", "r", "perl"})
_VALUE = re.compile(r"[\w\s'\",.:%/>+-]*")
_MOST_VALUE_WORDS = 8
# How a number, a string, a list and the like can begin.
_LITERAL_START = re.compile(r"[^A-Za-z_$]|(?:True|False|None|set)\b|[BbFfRrUu]{1,2}[\"']")
_ADDRESS = re.compile(r"https?://\S+")
_ASKS_FOR_VALUE = re.compile(r"(?:create|declare|define|construct|write|initiali[sz]e|build)\b", re.IGNORECASE)

_WORKS_ON_CODE = re.compile(
    r"\W*(?:edit|fix|debug|modify|rewrite|refactor|convert|optimi[sz]e|correct|improve|update|simplify|explain|translate"
    r"|complete|generate the output|find the (?:bug|error|mistake)|identify|format|describe|predict"
    r"|rearrange|analy[sz]e)\b"
    r".*\b(?:following|given|below|above|this)\b[^.\n]{0,40}"
    r"\b(?:code|snippet|program|script|function|query|loop|algorithm|class)\b",
    re.IGNORECASE,
)
_WORKS_ON_CODE_CN = re.compile(
    r"(?:以下|下面|下列|如下|上述|这段)[^，。：:]{0,8}(?:代码|程序)(?:片段|示例|如下)?(?:[，。:：中]|$|的)"
)
_HOLDS_CODE = re.compile(r"\n|`|[;{}=]|\w\(")

# Go's packages that most programs use, and what C lost with C11 (ISO/IEC 9899:2011, foreword: gets).
_GO_PACKAGES = name_set(
    "bufio bytes errors fmt http io ioutil json log math os rand regexp sort strconv strings sync time"
)
_GO_IMPORT = re.compile(r'^\s*(?:import\s+)?(?:(\w+)\s+)?"(?:[\w.-]+/)*([\w.-]+)"\s*$', re.MULTILINE)
_GO_USED = re.compile(r"(?<![\w.])(\w+)\.[A-Z]\w*")
_GO_LITERALS = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|//[^\n]*|/\*[\s\S]*?\*/')
_GETS = re.compile(r"(?<![\w.>])gets\s*\(")

# Languages whose grammars know what programs are written in, unlike SQL and shells with their dialects.
_CHECKED = name_set("c cpp csharp go java javascript php python ruby")


def fault_of_answer(language: str, instruction: str, given: str, output: str) -> tuple[str, str] | None:
    """The first reason against an answer to an instruction with its input (`given`), and a detail; None for a good one.

    A name may be one that instruction or input mention.
    """
    if not given.strip() and _speaks_of_missing_code(instruction):
        return NOT_GIVEN, ""
    if _has_no_code(language, instruction, given, output):
        return NO_CODE, ""
    name = _undefined(language, f"{instruction}\n{given}", output)
    if name is not None:
        return UNDEFINED, name
    hole = placeholder(output) or empty_block(language, output)
    if hole is not None:
        return UNFINISHED, hole
    if _is_broken(language, output):
        return BROKEN, f"it is not {language}"
    mistake = known_mistake(language, output)
    return (MISTAKE, mistake) if mistake is not None else None


def _is_broken(language: str, output: str) -> bool:
    """Whether an answer has a syntax error; blocks of code within an explanation may be of any kind."""
    if language not in _CHECKED or "```" in output:
        return False
    tidy = "\n".join(line.rstrip() for line in output.split("\n"))  # C's grammar fails on a space after `#include`
    return parses(language, tidy) is False and not (language == "python" and is_python2(tidy))


def _speaks_of_missing_code(instruction: str) -> bool:
    if _HOLDS_CODE.search(instruction):
        return False
    return _WORKS_ON_CODE.match(instruction) is not None or _WORKS_ON_CODE_CN.search(instruction) is not None


def _has_no_code(language: str, instruction: str, given: str, output: str) -> bool:
    """Whether an answer is prose, or a value that a program would print for what is given."""
    bare = _COMMENT_LINES.sub("", output).strip()
    if _ADDRESS.fullmatch(bare):
        return True
    if "```" in output or not bare:
        return False
    if _CODE_SIGN.search(bare) is None:
        said = sum(len(found.group()) for found in _SENTENCE.finditer(bare))
        if said >= _MOSTLY * len("".join(bare.splitlines())):
            return True
        if language not in _TERSE and _VALUE.fullmatch(bare) and len(bare.split()) <= _MOST_VALUE_WORDS:
            return _literal(bare) or ("." not in bare and bool(given.strip() or "\n" in instruction))
    return language == UNSPECIFIED and _ASKS_FOR_VALUE.match(instruction) is None and _literal(bare)


def _literal(text: str) -> bool:
    """Whether a text is a number, a string or a list of such."""
    if _LITERAL_START.match(text) is None:  # most texts
        return False
    try:
        return not isinstance(ast.literal_eval(text), (dict, set))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False


def _undefined(language: str, asked: str, output: str) -> str | None:
    """The first name that nothing defines, in languages where that can be told."""
    mentioned = frozenset(_NAME.findall(asked))
    if language == "python":
        return min(undefined_names(output) - mentioned, default=None) or next(iter(missing_attributes(output)), None)
    if language in ("java", "csharp", "php", "go"):
        unknown = undeclared(language, output) - mentioned
        if unknown:
            return min(unknown)
    if language == "go":
        return min(_unimported(output), default=None)
    if language == "javascript":
        return min(undefined_in_javascript(output) - mentioned, default=None)
    if language in ("c", "cpp") and _GETS.search(output) and "gets" not in asked:
        return "gets"
    return None


def _unimported(code: str) -> frozenset[str]:
    """The packages that a Go file uses without an import; none of a piece of code that imports nothing at all."""
    imported = {alias or path for alias, path in _GO_IMPORT.findall(code)}
    if not imported and not re.search(r"^package \w+", code, re.MULTILINE):
        return frozenset()
    bare = _GO_LITERALS.sub(" ", code)
    used = {name for name in _GO_USED.findall(bare) if not re.search(rf"\b{name}\b\s*(?:,\s*\w+\s*)?:?=", bare)}
    return frozenset(used & _GO_PACKAGES - imported)
