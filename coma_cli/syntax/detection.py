"""Tells the programming language of a row without a label: by what its question names, and by what its code parses as.

A language counts where the code has a feature that few others share and parses without an error; where there is no
grammar, by the feature alone. Prose, and code that many languages could hold, stay `UNSPECIFIED`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from coma_cli.languages import LANGUAGES, UNSPECIFIED, looks_like_python, named_languages, parses_as_python
from coma_cli.syntax.trees import parses


class Feature(NamedTuple):
    """What only code in a language has, or nearly only.

    One of `words` is in each match of `pattern` and is looked for first, since most patterns are slow; none are named
    where the pattern looks at the beginning of the text alone.
    """

    words: tuple[str, ...]
    pattern: re.Pattern[str]

    def is_in(self, code: str) -> bool:
        """Whether a text has it."""
        if self.words and not any(map(code.__contains__, self.words)):
            return False
        return self.pattern.search(code) is not None


# The first language whose feature is found and that parses counts. Shells come before PHP, which also has `echo "$x"`.
FEATURES: Mapping[str, Feature] = {
    name: Feature(tuple(words.split()), re.compile("|".join(patterns), re.MULTILINE))
    for (name, words), patterns in {
        ("bash", ""): (
            r"\A\s*#!\s*/(?:usr/)?bin/(?:env )?(?:ba|z|k)?sh\b",
            r"\A\s*(?:\$ )?(?:sudo|grep|sed|awk|chmod|mkdir|find|curl|tar|docker|git|npm|pip3?)\s+[\"'\w$./-]",
        ),
        ("php", "<?php $ echo"): (r"<\?php", r"^\s*\$\w+\s*(?:=|->|\[)", r"\becho\s+[\"'$]", r"\$this->"),
        ("html", ""): (
            r"\A\s*(?:<!--[^>]*-->\s*)?<(?:!DOCTYPE html|html|head|body|div|form|table|ul|ol|p|a|img|input|h[1-6])\b",
            r"\A\s*<(?:button|select|span|nav|video|iframe)\b",
        ),
        ("sql", ""): (
            r"\A\s*(?:--[^\n]*\n\s*)*(?i:SELECT\b[\s\S]+\bFROM\b|INSERT\s+INTO\b|UPDATE\b[\s\S]+\bSET\b|DELETE\s+FROM\b)",
            r"\A\s*(?:--[^\n]*\n\s*)*(?i:CREATE\s+(?:TABLE|DATABASE|VIEW|INDEX|TRIGGER|PROCEDURE)|(?:ALTER|DROP)\s+TABLE)\b",
            r"\A\s*(?i:WITH\s+\w+\s+AS\s*\()",
        ),
        ("csharp", "using Console. string foreach"): (
            r"^\s*using\s+System\b",
            r"\bConsole\.(?:Write|Read)",
            r"\bstring\[\]|\bpublic\s+(?:static\s+)?string\b",
            r"\bforeach\s*\(var\b",
        ),
        ("cpp", "std:: cout cin nullptr vector #include template"): (
            r"\bstd::|\bcout\s*<<|\bcin\s*>>|\bnullptr\b|\bvector<",
            r"#include\s*<(?:iostream|vector|string|map|algorithm|bits/[\w.+]+)>",
            r"^\s*template\s*<",
        ),
        ("c", "#include printf scanf malloc"): (r"#include\s*<\w+\.h>", r"\bprintf\s*\(|\bscanf\s*\(|\bmalloc\s*\("),
        ("java", "System.out. String[] ArrayList public"): (
            r"\bSystem\.out\.|\bString\[\]|\bnew ArrayList<",
            r"\bpublic\s+(?:static\s+)?(?:void|int|boolean|String|class|double|long)\b",
        ),
        ("rust", "fn mut println!"): (r"\bfn\s+\w+\s*(?:<[^>]*>)?\(", r"\blet\s+mut\b", r"\bprintln!"),
        ("go", "package func fmt.Print range"): (
            r"^\s*package\s+\w+",
            r"^\s*func\s+(?:\(\w+ [*\w]+\)\s*)?\w+\(",
            r"\bfmt\.Print|:=\s*range\b",
        ),
        ("typescript", "interface let const"): (
            r"^\s*(?:export\s+)?interface\s+\w+\s*\{",
            r"\b(?:let|const)\s+\w+\s*:\s*(?:string|number|boolean|any)\b",
        ),
        ("javascript", "console.log( document. === let const var function =>"): (
            r"\bconsole\.log\(|\bdocument\.|===",
            r"\b(?:let|const|var)\s+[\w{\[]",
            r"\bfunction\b\s*\w*\s*\(|=>\s*[{(\w]",
        ),
        ("ruby", "puts require attr_ def do each"): (
            r"^\s*(?:puts|require|attr_\w+)\s",
            r"^\s*def\s+[\w.?!]+.*(?:\n.*)*\n\s*end\b",
            r"\bdo\s*\|\w+|\.each\b",
        ),
        ("css", ""): (r"\A\s*(?:/\*[\s\S]*?\*/\s*)?[.#@]?[\w-][\w .#:,>*@()-]*\{\s*[\w-]+\s*:\s*[^;{}]+;",),
        ("swift", "import func let"): (
            r"^\s*import\s+(?:UIKit|Foundation|SwiftUI)",
            r"^\s*func\s+\w+\(.*\)\s*->|\blet\s+\w+\s*:\s*\[?[A-Z]\w+",
        ),
        ("kotlin", "fun"): (r"^\s*fun\s+\w+\(",),
        ("r", "<- library("): (r"^\s*[\w.]+\s*<-\s*(?:function|c)\(", r"\blibrary\(\w+\)"),
    }.items()
}
_PYTHON = re.compile(
    r"^\s*(?:def\s+\w+\s*\(.*:|class\s+\w+.*:\s*$|import\s+\w|from\s+[\w.]+\s+import)"
    r"|^\s*(?:(?:for|while|if|elif|with)\s.+:|else:|print\s*\()|\bfor\s+\w+(?:,\s*\w+)*\s+in\s"
    r"|\[::?-?\w*\]|\bf[\"']|\b(?:None|True|False)\b|\blambda\s|\brange\(|\blen\(|\.append\(",
    re.MULTILINE,
)
# Languages whose programs hold, or pass for, programs of the other.
_EMBEDDED = ({"html", "javascript"}, {"html", "css"}, {"c", "cpp"}, {"javascript", "typescript"}, {"php", "html"})
_QUOTED = re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'|`[^`\n]*`")
_PROSE = re.compile(
    r"^(?!\s*(?:#|//|--|/\*|\*))\s*[A-Z][a-z]+(?: [\w'’\"()-]+,?){5,}[.:]?\s*$|^[A-Z][^\n{};=]{60,}\.\s*$",
    re.MULTILINE,
)


def detect_language(question: str, given: str, answer: str) -> str:
    """The language of a row: of those that its question names the one that its answer is written in.

    `given` is the code or data that the question is about. Quoted text names no language: an assertion may speak of
    any. Where the question names none, the language of the answer counts, or of what is given.
    """
    named = list(dict.fromkeys(named_languages(_QUOTED.sub(" ", question))))
    if len(named) == 1 and not _is_python(answer) and parses(named[0], answer) is not False:
        return named[0]  # nothing contradicts it, and a grammar takes longest to refuse what is in another language
    found = detect_code(answer)
    if named:
        if found in named:
            return found
        if found != UNSPECIFIED and all(_contradicts(name, found, answer) for name in named):
            return found
        return next((name for name in named if parses(name, answer)), named[0]) if len(named) > 1 else named[0]
    if found != UNSPECIFIED:
        return found
    return detect_code(given) if given.strip() else UNSPECIFIED


def detect_code(code: str) -> str:
    """The language that a text is written in, or UNSPECIFIED: for prose, data and code without a telling feature."""
    if _is_python(code):
        return "python"
    if not code.strip() or _PROSE.search(code):
        return UNSPECIFIED
    return next(
        (name for name, feature in FEATURES.items() if feature.is_in(code) and _accepts(name, code)), UNSPECIFIED
    )


def _is_python(code: str) -> bool:
    return parses_as_python(code) and (looks_like_python(code) or _PYTHON.search(code) is not None)


def _accepts(name: str, code: str) -> bool:
    """Whether a grammar accepts the code; where it is lenient, or there is none, the feature is enough."""
    return LANGUAGES[name].lenient or parses(name, code) is not False


def _contradicts(named: str, found: str, answer: str) -> bool:
    """Whether the answer is surely not in the language that the question names: it parses in another one only.

    What looks like Python and parses is Python: the grammars of other languages accept short programs of it.
    """
    if {named, found} in _EMBEDDED:
        return False
    if found == "python" and looks_like_python(answer):
        return named != "python2"
    return parses(named, answer) is False and parses(found, answer) is True
