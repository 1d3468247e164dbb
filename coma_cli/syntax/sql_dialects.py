"""Dialects of SQL that the grammar does not cover (T-SQL, PL/SQL), and fragments of statements."""

import re

from coma_cli.languages import UNSPECIFIED
from coma_cli.syntax.detection import detect_code

# What SQL begins with; it has another word of the next list, which code in another language has only within strings.
_SQL_STARTS = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:select|insert|update|delete|merge|with|declare|exec(?:ute)?|create|alter|drop|begin"
    r"|if|where|order|group|having|set|grant|truncate|union|left|inner|join|from|case|cast|convert|and|or|on)\b",
    re.IGNORECASE | re.DOTALL,
)
_SQL_WORDS = re.compile(
    r"\b(?:select|from|where|like|join|values|into|table|view|index|procedure|trigger|sp_\w+|nvarchar|varchar2?|int|as|by"
    r"|null|exists|end|then|begin|count|group|order)\b",
    re.IGNORECASE,
)
_FEWEST_SQL_WORDS = 2
_TEXTS = re.compile(r"'(?:''|[^'])*'|\"[^\"\n]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_BEFORE_SQL = "(; \t\n"
_LINQ = re.compile(r"\bfrom\s+\w+\s+in\b|=>", re.IGNORECASE)  # queries of C#
_STRINGS = re.compile(r"\"[^\"]*\"")


def starts_like_sql(code: str) -> bool:
    """Whether code begins, comments aside, with a word that begins statements of SQL or parts of them."""
    return _SQL_STARTS.match(code.lstrip(_BEFORE_SQL)) is not None


def without_texts(code: str) -> str:
    """The code without its strings and comments."""
    return _TEXTS.sub(" ", code)


def is_sql_dialect(code: str) -> bool:
    """Whether code that does not parse as SQL looks like a dialect of it, or like a part of a statement."""
    bare = _STRINGS.sub("", code)
    if _LINQ.search(bare):
        return False
    return starts_like_sql(bare) and (
        len({word.lower() for word in _SQL_WORDS.findall(bare)}) >= _FEWEST_SQL_WORDS
        and detect_code(code) in ("sql", UNSPECIFIED)
    )
