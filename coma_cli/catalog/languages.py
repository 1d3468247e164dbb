"""Programming languages: the names that rows carry, how a sentence calls them, and how to tell an unlabelled one."""

import ast
import re
import warnings
from functools import lru_cache

UNSPECIFIED = "unspecified"

# The name in rows -> the name in sentences.
DISPLAY = {
    "python": "Python",
    "python2": "Python 2",
    "java": "Java",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
    "go": "Go",
    "php": "PHP",
    "ruby": "Ruby",
    "c": "C",
    "cpp": "C++",
    "csharp": "C#",
    "rust": "Rust",
    "swift": "Swift",
    "kotlin": "Kotlin",
    "r": "R",
    "sql": "SQL",
    "html": "HTML",
    "css": "CSS",
    "bash": "Bash",
}

# Other ways in which folders, file names and the tags of fenced code write the names in rows, in lower case.
_LABELS = {
    "py": "python",
    "python3": "python",
    "js": "javascript",
    "ts": "typescript",
    "golang": "go",
    "rb": "ruby",
    "c++": "cpp",
    "cc": "cpp",
    "c#": "csharp",
    "cs": "csharp",
    "rs": "rust",
    "kt": "kotlin",
    "sh": "bash",
    "shell": "bash",
    "mysql": "sql",
    "sqlite": "sql",
    "postgresql": "sql",
}

# How an instruction names a language; the first that matches counts, so the longer names come before their parts.
_NAMED = (
    ("cpp", r"C\+\+|\bcpp\b"),
    ("csharp", r"C#|\bC sharp\b"),
    ("typescript", r"\btypescript\b"),
    ("javascript", r"\bjava ?script\b|\bnode\.?js\b|\breact\b|\bjquery\b"),
    ("java", r"\bjava\b"),
    ("python", r"\bpython\b|\bpandas\b|\bnumpy\b|\bdjango\b"),
    ("sql", r"\bSQL\b|\bmysql\b|\bsqlite\b|\bpostgresql\b"),
    ("php", r"\bPHP\b"),
    ("ruby", r"\bruby\b"),
    ("rust", r"\brust\b"),
    ("swift", r"\bswift\b"),
    ("kotlin", r"\bkotlin\b"),
    ("go", r"\bgolang\b|\bin Go\b|\bGo (?:program|function|code)\b"),
    ("css", r"\bCSS\b"),
    ("html", r"\bHTML\b"),
    ("bash", r"\bbash\b|\bshell script\b"),
    ("c", r"\bC (?:program|function|code)\b|\bin C\b(?![+#])"),
    ("r", r"\bR (?:program|function|code|script)\b|\bin R\b"),
)
# ASCII only, so that a name between Chinese signs is a word too.
_PATTERNS = tuple(
    (name, re.compile(pattern, re.ASCII | (re.IGNORECASE if len(name) > 2 else 0))) for name, pattern in _NAMED
)
_CODE_LINE = re.compile(
    r"\s*(?:(?:async\s+)?def\s+\w+\s*\(|class\s+\w+|import\s+\w|from\s+[\w.]+\s+import|for\s+.+:\s*$|while\s+.+:\s*$"
    r"|(?:el)?if\s+.+:\s*$|else:|try:|return\b|print\s*\(|@\w+|#|[\w.\[\]'\"]+\s*[-+*/]?=\s*\S|[\w.]+\(.*\)\s*$)"
)


def display(language: str) -> str:
    """How a sentence calls a language; `code` takes the place of one that is not known."""
    return DISPLAY.get(language, language.capitalize() if language and language != UNSPECIFIED else "").strip()


def language_of_label(label: str) -> str | None:
    """The language that a short label means (`C#`, `js`, `Python3`), or None."""
    name = label.strip().lower()
    return name if name in DISPLAY else _LABELS.get(name)


def named_language(text: str) -> str | None:
    """The programming language that a text names, or None."""
    return next((name for name, pattern in _PATTERNS if pattern.search(text)), None)


def guess_language(question: str, answer: str) -> str:
    """The language of a row without a label: the one that its question names, else Python where the answer is."""
    named = named_language(question)
    if named is not None:
        return named
    return "python" if looks_like_python(answer) and parses_as_python(answer) else UNSPECIFIED


def looks_like_python(text: str) -> bool:
    """Whether most lines of a text have the shape of Python statements (whether or not the whole parses)."""
    lines = [line for line in text.splitlines() if line.strip()]
    hits = sum(bool(_CODE_LINE.match(line)) for line in lines)
    strong = re.search(
        r"^\s*(?:def\s+\w+\s*\(.*|class\s+\w+.*:|import\s+\w|from\s+\w[\w.]*\s+import)", text, re.MULTILINE
    )
    braces = sum(line.rstrip().endswith((";", "{", "}")) for line in lines)
    return bool(lines) and bool(strong) and hits >= 0.5 * len(lines) and braces <= 0.1 * len(lines)


def parse_python(code: str) -> ast.Module | None:
    """The syntax tree of a program, or None where the running interpreter's grammar does not accept it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's code is not our warning
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=16)  # the rows of one function ask this of the same code, one after the other
def parses_as_python(code: str) -> bool:
    """Whether the running interpreter's grammar accepts the code."""
    return parse_python(code) is not None


def same_python(one: str, other: str) -> bool:
    """Whether two texts are the same program, layout and comments aside."""
    first, second = parse_python(one), parse_python(other)
    return first is not None and second is not None and ast.dump(first) == ast.dump(second)
