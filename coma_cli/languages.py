"""Programming languages: their names in rows, their display names, and guessing the language of unlabelled rows."""

import ast
import re
import warnings
from functools import lru_cache

UNSPECIFIED = "unspecified"

# The name in rows -> the display name.
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

# Other names used in folders, file names and fence tags, in lower case.
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

# How an instruction names a language; the first that matches counts, so the longer names come before their parts. The
# pieces tell in lower case what a text must hold for the pattern to be worth a try: to look for them is much quicker.
NAMED = (
    ("cpp", ("c++", "cpp"), r"C\+\+|\bcpp\b"),
    ("csharp", ("c#", "c sharp"), r"C#|\bC sharp\b"),
    ("typescript", ("typescript",), r"\btypescript\b"),
    ("javascript", ("java", "node", "react", "jquery"), r"\bjava ?script\b|\bnode\.?js\b|\breact\b|\bjquery\b"),
    ("java", ("java",), r"\bjava\b"),
    ("python", ("python", "pandas", "numpy", "django"), r"\bpython\b|\bpandas\b|\bnumpy\b|\bdjango\b"),
    ("sql", ("sql",), r"\bSQL\b|\bmysql\b|\bsqlite\b|\bpostgresql\b"),
    ("php", ("php",), r"\bPHP\b"),
    ("ruby", ("ruby",), r"\bruby\b"),
    ("rust", ("rust",), r"\brust\b"),
    ("swift", ("swift",), r"\bswift\b"),
    ("kotlin", ("kotlin",), r"\bkotlin\b"),
    (
        "go",
        ("golang", "in go", "go program", "go function", "go code"),
        r"\bgolang\b|\bin Go\b|\bGo (?:program|function|code)\b",
    ),
    ("css", ("css",), r"\bCSS\b"),
    ("html", ("html",), r"\bHTML\b"),
    ("bash", ("bash", "shell script"), r"\bbash\b|\bshell script\b"),
    ("c", ("c program", "c function", "c code", "in c"), r"\bC (?:program|function|code)\b|\bin C\b(?![+#])"),
    (
        "r",
        ("r program", "r function", "r code", "r script", "in r"),
        r"\bR (?:program|function|code|script)\b|\bin R\b",
    ),
)
# ASCII only, so that a name between Chinese characters is a word too.
_PATTERNS = tuple(
    (name, pieces, re.compile(pattern, re.ASCII | (re.IGNORECASE if len(name) > 2 else 0)))
    for name, pieces, pattern in NAMED
)
_PYTHON_ONLY = re.compile(r"^\s*(?:def\s+\w+\s*\(.*|class\s+\w+.*:|import\s+\w|from\s+\w[\w.]*\s+import)", re.MULTILINE)
_CODE_LINE = re.compile(
    r"\s*(?:(?:async\s+)?def\s+\w+\s*\(|class\s+\w+|import\s+\w|from\s+[\w.]+\s+import|for\s+.+:\s*$|while\s+.+:\s*$"
    r"|(?:el)?if\s+.+:\s*$|else:|try:|return\b|print\s*\(|@\w+|#|[\w.\[\]'\"]+\s*[-+*/]?=\s*\S|[\w.]+\(.*\)\s*$)"
)


def display(language: str) -> str:
    """The display name of a language; "" if it is unspecified."""
    return DISPLAY.get(language, language.capitalize() if language and language != UNSPECIFIED else "").strip()


def language_of_label(label: str) -> str | None:
    """The language for a short label (`C#`, `js`, `Python3`), or None."""
    name = label.strip().lower()
    return name if name in DISPLAY else _LABELS.get(name)


def named_language(text: str) -> str | None:
    """The programming language mentioned in a text, or None."""
    lower = text.lower()
    return next(
        (name for name, pieces, pattern in _PATTERNS if any(map(lower.__contains__, pieces)) and pattern.search(text)),
        None,
    )


def guess_language(question: str, answer: str) -> str:
    """The language of an unlabelled row: the one that its question mentions, else Python if the answer is Python."""
    named = named_language(question)
    if named is not None:
        return named
    return "python" if looks_like_python(answer) and parses_as_python(answer) else UNSPECIFIED


def looks_like_python(text: str) -> bool:
    """Whether most lines of a text look like Python statements (even if the whole does not parse)."""
    if not _PYTHON_ONLY.search(text):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    braces = sum(line.rstrip().endswith((";", "{", "}")) for line in lines)
    return braces <= 0.1 * len(lines) and sum(bool(_CODE_LINE.match(line)) for line in lines) >= 0.5 * len(lines)


def parse_python(code: str) -> ast.Module | None:
    """The syntax tree of a program, or None if the running interpreter can't parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about invalid escapes in other people's code are not ours
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=16)  # the rows of one function call this with the same code in a row
def parses_as_python(code: str) -> bool:
    """Whether the running interpreter can parse the code."""
    return parse_python(code) is not None


def same_python(one: str, other: str) -> bool:
    """Whether two texts are the same program, ignoring layout and comments."""
    first, second = parse_python(one), parse_python(other)
    return first is not None and second is not None and ast.dump(first) == ast.dump(second)
