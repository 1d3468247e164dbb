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
# ASCII only, so that a name between Chinese signs is a word too.
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
    """How a sentence calls a language; `code` takes the place of one that is not known."""
    return DISPLAY.get(language, language.capitalize() if language and language != UNSPECIFIED else "").strip()


def language_of_label(label: str) -> str | None:
    """The language that a short label means (`C#`, `js`, `Python3`), or None."""
    name = label.strip().lower()
    return name if name in DISPLAY else _LABELS.get(name)


def named_language(text: str) -> str | None:
    """The programming language that a text names, or None."""
    lower = text.lower()
    return next(
        (name for name, pieces, pattern in _PATTERNS if any(map(lower.__contains__, pieces)) and pattern.search(text)),
        None,
    )


def guess_language(question: str, answer: str) -> str:
    """The language of a row without a label: the one that its question names, else Python where the answer is."""
    named = named_language(question)
    if named is not None:
        return named
    return "python" if looks_like_python(answer) and parses_as_python(answer) else UNSPECIFIED


def looks_like_python(text: str) -> bool:
    """Whether most lines of a text have the shape of Python statements (whether or not the whole parses)."""
    if not _PYTHON_ONLY.search(text):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    braces = sum(line.rstrip().endswith((";", "{", "}")) for line in lines)
    return braces <= 0.1 * len(lines) and sum(bool(_CODE_LINE.match(line)) for line in lines) >= 0.5 * len(lines)


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
