"""Which snippets may answer a question that they were not written for: so they must not be wrong candidates for it.

Two questions in the same words have exchangeable answers, and so have two snippets of the same form, or, where they are
as short as an answer on Stack Overflow, two that call the same functions.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from coma_cli.words import words

SHORT = 400  # characters of a snippet whose calls say what it does
_SAME_QUESTION = 0.6  # of the words of the shorter question, of which at least `_FEWEST_SHARED` are shared
_SAME_SUMMARY = 0.8  # of the words of both summaries: those of one class differ in a word
_FEWEST_SHARED = 2
_STEM = 5  # characters: "average" and "averaging" count as one word, with few false friends
_ENDING = re.compile(r"(?<=\w{3})(?:ings?|ed|e?s)\Z")
_SAME_WORDS = {"dictionary": "dict", "dictionaries": "dict", "defaultdict": "dict", "dataframe": "df", "datafram": "df"}
_EMPTY_WORDS = """
    a an and any are as at be best by can do does each every find for from get given has have how i if in into is it its
    make method my of on one only or python python2 query return returns set sql string table list row rows select that
    the their them then there this to use using value values want way what when where which with without
"""
# Calls that change the form of a result, but not what the question wants.
_WRAPPERS = frozenset({"print", "list", "tuple", "itemgetter", "attrgetter"})
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_GETTER = re.compile(r"\b(?:operator\.)?itemgetter\((?P<key>[^(),]+)\)")
_DEFINED = re.compile(r"\b(?:def|function|class)\s+(\w+)")
_NO_CALL_WORDS = """
    and as by elif else exists for from if in into is join lambda not on or over print return select table then union
    values when where while with
"""
_NO_CALL = frozenset(_NO_CALL_WORDS.split())
# Ways to solve a problem in SQL: where two answers share one, each may well answer the question of the other.
_TECHNIQUES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:sum|max|min|count|avg)\s*\(\s*(?:distinct\s+)?(?:case\b|if\s*\()|\bpivot\b|\bcase\s+when\b.*\bconcat\b",
        r"\b(?:group_concat|string_agg|listagg|wm_concat)\s*\(|\bfor\s+xml\s+path\b",
        r"\b(?:row_number|rank|dense_rank)\s*\(",
        r"\bnot\s+exists\b|\bnot\s+in\s*\(\s*select\b|\bleft\s+(?:outer\s+)?join\b.*\bis\s+null\b|\bminus\b|\bexcept\b",
        r"\bhaving\b[^;]*\bcount\s*\(",
        r"\bon\s+duplicate\s+key\b|\bmerge\s+into\b|\bon\s+conflict\b",
        r"\binsert\s+into\b.*\bselect\b",
        r"\bupdate\b.*\bset\b.*\bselect\b|\bupdate\b.*\bjoin\b",
        r"\bbetween\b",
        r"\blike\b|\bregexp\b|\bcontains\s*\(",
        r"\b(?:coalesce|isnull|ifnull|nvl)\s*\(",
        r"\bunion\b",
        r"\b(?:max|min)\s*\(.*\bgroup\s+by\b",
        r"\bdelete\b.*\bfrom\b",
    )
)
# What a question asks for, and the code that does it: where a snippet does, it may well answer the question.
_ASKED_IN_SQL = tuple(
    (re.compile(words_of, re.IGNORECASE), re.compile(code, re.IGNORECASE))
    for words_of, code in (
        (
            r"\bjoin|\bmerg|\bcombin|\b(?:two|three|multiple|several|both|different|\d) tables\b"
            r"|\b(?:other|another|second) table\b",
            r"\bjoin\b|\bunion\b|\bfrom\s+\w+(?:\s+(?:as\s+)?\w+)?\s*,|\(\s*select\b",
        ),
        (r"\bdistinct|\bduplicat|\bunique", r"\bdistinct\b|\bgroup\s+by\b|\brow_number\b|\bpartition\s+by\b"),
        (r"\border|\bsort", r"\border\s+by\b"),
        (r"\bgroup", r"\bgroup\s+by\b"),
        (r"\bcount|\bnumber of\b|\bhow many\b", r"\bcount\s*\("),
        (r"\bsum|\btotal", r"\bsum\s*\("),
        (r"\bav(?:era|g)", r"\bavg\s*\("),
        (
            r"\bmax|\blatest|\bnewest|\bhighest|\blast\b|\b(?:most )?recent\b|\bfirst\b|\bmin|\blowest"
            r"|\bearliest|\boldest|\btop\b|\bprevious",
            r"\b(?:max|min)\s*\(|\blimit\b|\btop\b|\brow_number\b|\brank\b|\brownum\b",
        ),
        (r"\bpivot|\b(?:columns?|rows?) (?:in)?to (?:rows?|columns?)\b", r"\bpivot\b|\bcase\s+when\b|\bunion\b"),
        (r"\bdelet|\bremov", r"\bdelete\b"),
        (r"\bupdat|\bset\b|\breplac", r"\bupdate\b|\breplace\s*\("),
        (r"\binsert|\badd(?:ing)? (?:a )?(?:row|record|value)|\bcopy", r"\binsert\b"),
        (r"\bnull|\bempty|\bblank", r"\bnull\b|\bcoalesce\b|\bifnull\b|\bisnull\b|\bnvl\b"),
        (
            r"\bnot (?:in|exist|found|present)|\bmissing|\bwithout\b|\bdoes(?:n't| not)\b",
            r"\bnot\b|\bis\s+null\b|\bexcept\b",
        ),
        (r"\bcase\b|\bif\b|\bcondition", r"\bcase\b|\bif\s*\(|\biif\s*\("),
        (
            r"\bdat(?:e|es)\b|\bdays?\b|\bmonths?\b|\byears?\b|\bweeks?\b|\btime",
            r"date|\bmonth\b|\byear\b|\bday\b|time",
        ),
        (r"\bcreat", r"\bcreate\b"),
        (r"\bsubquer|\bsub-quer|\bnested", r"\(\s*select\b"),
        (r"\brecurs|\bhierarch|\bparent|\btree", r"\bwith\b|\bconnect\s+by\b|parent"),
        (r"\bcolumns?\b.*\bcompar|\bcompar", r"<>|!=|\bcase\b|\bexcept\b|\bminus\b|\bnot\b"),
    )
)
_ASKED_IN_PYTHON = tuple(
    (re.compile(words_of, re.IGNORECASE), re.compile(code))
    for words_of, code in (
        (r"\bduplicat|\bdupes?\b|\bunique|\bdistinct", r"\bset\(|seen|uniq|duplicate|Counter|fromkeys"),
        (r"\bcombination|\bpermut|\bcartesian", r"\bcombinations|\bpermutations|\bproduct\("),
        (r"\bflatten", r"flat|chain|for \w+ in \w+ for "),
        (r"\brevers", r"revers|\[::-1\]"),
        (r"\btranspos", r"\bzip\(\*|\.T\b|transpos"),
    )
)
_ASKED_BY_LANGUAGE = {"sql": _ASKED_IN_SQL, "python": _ASKED_IN_PYTHON, "python2": _ASKED_IN_PYTHON}
_LEXEME = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*|\d[\w.]*|[^\w\s]")
_KEPT_WORDS = """
    and as asc async await break by case class continue def del desc distinct elif else end except exists finally for
    from group having if import in inner insert into is join lambda left limit max min none not null on or order over
    partition raise return right select set sum then true false try union update values when where while with yield
"""
_KEPT = frozenset(_KEPT_WORDS.split())


@dataclass(frozen=True)
class Profile:
    """What is compared of a snippet: its question's words, its form without names, the calls, and techniques of SQL.

    `asked` and `done` are what the question asks for, and what the code does of all that is ever asked.
    """

    subject: frozenset[str]
    form: str
    calls: frozenset[str]
    techniques: frozenset[int]
    asked: frozenset[int]
    done: frozenset[int]
    of_summary: bool


def profile(question: str, code: str, language: str = "", *, of_summary: bool) -> Profile:
    """The profile of a snippet; `of_summary`: it is a function, and the question is its summary."""
    code = _GETTER.sub(r"lambda n: n[\g<key>]", code)
    short = len(code) <= SHORT and not of_summary
    calls = _calls(code) if short else frozenset()
    known = () if of_summary else _ASKED_BY_LANGUAGE.get(language, ())
    return Profile(
        subject=_subject(question),
        form=_form(code),
        calls=calls,
        techniques=_techniques(code) if language == "sql" else frozenset(),
        asked=_matching((asked for asked, _ in known), question),
        done=_matching((done for _, done in known), code),
        of_summary=of_summary,
    )


def is_rival(one: Profile, other: Profile) -> bool:
    """Whether the snippet of one may well answer the question of the other."""
    if one.form == other.form or (one.calls and one.calls == other.calls):
        return True
    if one.techniques & other.techniques or one.done & other.asked:
        return True
    shared = len(one.subject & other.subject)
    if shared < _FEWEST_SHARED:
        return False
    if one.of_summary and other.of_summary:
        return shared >= _SAME_SUMMARY * len(one.subject | other.subject)
    return shared >= _SAME_QUESTION * min(len(one.subject), len(other.subject))


@lru_cache(maxsize=1024)
def _subject(question: str) -> frozenset[str]:
    return frozenset(map(_stem, words(question))) - _EMPTY


def _stem(word: str) -> str:
    return _ENDING.sub("", _SAME_WORDS.get(word, word))[:_STEM]


_EMPTY = frozenset(map(_stem, _EMPTY_WORDS.split()))


def _techniques(code: str) -> frozenset[int]:
    return _matching(_TECHNIQUES, " ".join(code.split()))


def _matching(patterns: Iterable[re.Pattern[str]], text: str) -> frozenset[int]:
    return frozenset(number for number, pattern in enumerate(patterns) if pattern.search(text))


def _form(code: str) -> str:
    """The code with `n` for each name but keywords and called ones, and `s` for each string."""
    return " ".join(_shapes(code))


def _shapes(code: str) -> Iterable[str]:
    called = set(_CALLED.findall(code))
    for lexeme in _LEXEME.findall(code):
        if lexeme[0] in "\"'":
            yield "s"
        elif lexeme[0].isalpha() or lexeme[0] == "_":
            yield lexeme if lexeme in called or lexeme.lower() in _KEPT else "n"
        else:
            yield lexeme


def _calls(code: str) -> frozenset[str]:
    own = set(_DEFINED.findall(code))
    names = {name for name in _CALLED.findall(code) if name not in own}
    found = frozenset(name for name in names if name.lower() not in _NO_CALL)
    return found - _WRAPPERS or found
