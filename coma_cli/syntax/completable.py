"""Whether the rest of a line, or a next line, can be told from the code before it, and is whole."""

import re

# What a line within brackets ends in when the author broke it there; upstream broke all others.
_BROKEN_ON_PURPOSE = re.compile(r"(?:[,\\+*%&|=<.(\[{:]|\b(?:and|or|not|in|is|if|else|for))\s*\Z")
_OPEN, _CLOSED = frozenset("([{"), frozenset(")]}")
_STRINGS = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
_MOST_WORDS_OF_TEXT = 5
_IMPORTS = re.compile(r"\s*(?:import|from|package|require|require_relative|use|using|include)\b(?!\s*[=.(])")
# A declaration from its start, and the name that it gives.
_DECLARES = re.compile(
    r"\s*(?:@\s*\w+\s*(?:\([^()]*\)\s*)?)*(?:(?:async\s+)?def\s+(?:self\s*\.\s*)?(?P<function>\w+)"
    r"|(?:\w+\s+)*(?:class|interface|enum|module)\s+(?P<type>\w+)"
    r"|(?:(?:public|private|protected|static|final|abstract|synchronized|void)\s+)+(?:[\w.<>,?\[\] ]+\s)?"
    r"(?P<method>\w+)\s*\()"
)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ACCESSOR = re.compile(r"(?:get|set|is|test)(?=[A-Z_])_?")


def why_not_completable(language: str, begun: str, before: str, line: str) -> str | None:
    """Why nobody can complete a line; None if somebody may.

    `begun` is what the line or, in tokens without line ends, the statement has so far, `before` all code before it, and
    `line` the rest.
    """
    whole = f"{begun} {line}" if begun else line
    if _IMPORTS.match(whole):
        return "an import"
    found = _DECLARES.match(whole)
    if found is not None and found.end() > len(begun) + 1 and not _is_told(found[found.lastgroup or 0], before):
        return "the start of a declaration"
    bare = _STRINGS.sub('""', whole)
    depth = sum((mark in _OPEN) - (mark in _CLOSED) for mark in bare)
    if language == "python" and depth > 0 and not _BROKEN_ON_PURPOSE.search(bare):
        return "it goes on after its end"
    if language == "java" and begun and line.rstrip()[-1:] not in ";{}":
        return "it goes on after its end"
    if any(len(text.split()) > _MOST_WORDS_OF_TEXT for text in _STRINGS.findall(line)):
        return "a text"
    return None


def _is_told(name: str, before: str) -> bool:
    """Whether code before a declaration names what is declared, or all words of its name but `get` and the like."""
    if re.search(rf"\b{re.escape(name)}\b", before):
        return True
    known = {part.lower() for part in _PARTS.findall(before)}
    parts = _PARTS.findall(_ACCESSOR.sub("", name))
    return bool(parts) and _ACCESSOR.match(name) is not None and all(part.lower() in known for part in parts)
