"""Questions that can be answered from a list of snippets: what they ask for is said, and their answers are code."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from coma_cli.catalog.material import Question
from coma_cli.formats.rejected import Rejected
from coma_cli.languages import named_languages
from coma_cli.syntax.snippets import snippet_fault
from coma_cli.words import words

_FEWEST_WORDS = 2
_MANY_WORDS = 8  # that say what the question wants, even where a title also points at its code
_POINTS = "points at what is not shown"
# What a title holds that does not say what it asks for, by kind.
_KINDS: Mapping[str, Sequence[str]] = {
    "asks about an error": (
        r"\bwhy\b|\b(?:not|n['’]t) work(?:s|ing)?\b|\bwhat(?:['’]s| is) wrong\b",
        r"\b(?:get|gets|getting|got|(?<!to )(?:throws?|raises?)) (?:an? |this |the )?\w*(?:error|exception)s?\b",
    ),
    _POINTS: (
        r"\b(?:this|these) (?:\w+ )?(?:case|class|code|command|error|example|function|logic|loop|output|pattern|problem"
        r"|program|quer(?:y|ie)|regex|result|scenario|script|situation|sql|statement|task|way)s?\b",
        r"\b(?:do|doing|accomplish|achieve|solve|write|simplify|improve|optimi[sz]e|fix|make|get) this\b",
        r"\bthe following(?: \w+)?\W*\Z|\bas follows\b|\b(?:do|doing|accomplish) that\b",
        r"\b(?:code|query|example|table|data|case|function|see|as|shown) (?:below|above)\b",
        r"\bmy (?:(?:for|while|python|sql|mysql|own|current) )?(?:code|query|script|loop|function|regex|statement|logic"
        r"|algorithm|approach|solution)\b",
    ),
    "asks for an explanation": (
        r"^\W*what(?:'s| is| are| does| do)? (?:the )?(?:difference|meaning|purpose|point|advantages?|reason|mean)\b",
        r"^\W*(?:what does\b.*\b(?:mean|do)\b|should i\b|when (?:to|should)\b|explain\b|understanding\b)",
        r"^\W*(?:pros and cons\b|which (?:is|one is) (?:better|faster|more)\b|how does\b.*\bwork\b)",
        r"^\W*is it (?:ok|okay|good|bad|safe|better|worth)\b",
    ),
    "asks for help": (
        r"^\W*(?:(?:i|please|some|need|quick|simple|newbie|beginner'?s?|basic|stupid|another) )*"
        r"(?:help(?! [a-z]+ing\b)|question|problem|issue|trouble|confused|confusion|stuck)\b",
        r"^\W*(?:related to|regarding|concerning|about)\b",
        r"\b(?:please help|help (?:needed|me|please))\b",
    ),
}
_UNCLEAR = tuple((kind, re.compile("|".join(patterns), re.IGNORECASE)) for kind, patterns in _KINDS.items())
_QUOTED = re.compile(r"[\"'`].+[\"'`]")
_EMPTY_WORDS = """
    a an and any anyone are as at be best better by can code could do does doing easy efficient elegant example for from
    good have help how i if in into is it its me method my need of on one or please possible problem programming python
    python2 python3 query question quick right should simple some something sql that the there thing things this to
    trying use used using want way what when where which why with without would you your mysql oracle postgresql
    postgres sqlite
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
# What most questions about SQL, lists or patterns are about: a title with nothing else fits the answers of many others.
# A stored procedure is where the code is; stored procedures are what a question wants to know about.
_GENERAL_WORDS = """
    2 3 all another array arrays based between certain clause complex condition conditional conditions constructing
    data database databases db dict dictionary different every expression expressions field fields find function
    functions get getting help list lists logic logical match matching more multiple nested no not object objects
    other pattern patterns per postgre postgres procedure regex regular result results return returning returns s
    same select selecting selects server specific sqlserver statement statements stored string strings sub
    subqueries subquery syntax t table tables than three tsql two values variable variables
"""
_GENERAL = frozenset(_GENERAL_WORDS.split())


def unclear(title: str) -> str | None:
    """Why nobody could tell from a question's title which snippet it asks for; None for a clear one."""
    told = _told(title)
    kind = next((kind for kind, pattern in _UNCLEAR if pattern.search(title)), None)
    if kind is not None and not (kind == _POINTS and len(told) >= _MANY_WORDS):
        return kind
    if _QUOTED.search(title):
        return None
    if sum(2 if "_" in word or (len(word) == 1 and word > "\u3400") else 1 for word in told) < _FEWEST_WORDS:
        return "too short"
    return "too general" if told <= _GENERAL else None


def _told(title: str) -> set[str]:
    """The words of a title that say what it asks for; names with underscores and Chinese characters count double."""
    named = set(named_languages(title))
    return {word for word in words(title) if word not in _EMPTY and word not in named and not word.isdigit()}


def checked_question(question: Question) -> Question | Rejected:
    """A question with those of its answers that are code; or why it gives no row."""
    why = unclear(question.text)
    if why is not None:
        return Rejected("unclear-question", why, question.origin, {"title": question.text})
    faults = {place: snippet_fault(question.language, question.candidates[place]) for place in question.answers}
    right = tuple(place for place, fault in faults.items() if fault is None)
    if right:
        return replace(question, answers=right)
    fault = next(iter(faults.values())) or ""
    reason = "does-not-parse" if fault == "does not parse" else "not-code"
    content = {"title": question.text, "code": question.candidates[question.answers[0]]}
    return Rejected(reason, fault, question.origin, content)
