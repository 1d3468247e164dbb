"""Restores exponents that a page's text lost with its markup: `-231 <= x <= 231 - 1` was -2³¹ <= x <= 2³¹ - 1.

Only where the reading is certain: powers of two next to a minus sign, powers of ten in a line that states a limit, a
complexity, and sums that are right as sums of squares only.
"""

import re

_LIMIT = re.compile(r"<=?|>=?|[≤≥]|范围|介于|不超过|最多|长度|数目|数量")
_EXAMPLE = re.compile(r"\s*(?:输入|输出|解释|示例|input|output|explanation)", re.IGNORECASE)
_POWER_OF_TEN = re.compile(
    r"(?<![\w.^,\[])10([3-9]|1\d)(?![\w.^\]])|(?<=[,*] )10([3-9]|1\d)(?=\])|(?<=\[)10([3-9])(?=,)"
)
# Of a word of 8 to 64 bits.
_POWER_OF_TWO = re.compile(r"(?<![\w.^])(?:(?<=[-−])2(7|15|31|63)(?!\d)|2(7|8|15|16|31|32|63|64)(?=\s*[-−]\s*1\b))")
_LESS_THAN_POWER = re.compile(r"(?<=<)(\s*)2(31|32|63|64)(?!\d)")
_SQUARED_SIZE = re.compile(r"(?<=O\()([a-z])([23])(?=\))|(?:(?<=<= )|(?<=1 到 ))([mnk])([23])\b")
_POWER_OF_UNKNOWN = re.compile(r"(?<== )([2-9])x\b")
_SUM = re.compile(r"\b(\d{2}(?:\s*\+\s*\d{2})+)\s*=\s*(\d+)\b")
# Powers of a variable, and variables as exponents: what was one is clear, but not which of its other uses were.
_UNCERTAIN = re.compile(r"\bi2 == -1|次幂[^\n]{0,20}\b[a-z]n\b|\b1 ?[~到] ?[2-9]h\b")


def has_lost_exponents(text: str) -> bool:
    """Whether a problem's statement still lacks exponents."""
    return _UNCERTAIN.search(text) is not None


def with_exponents(text: str) -> str:
    """A problem's statement with `^` before the exponents that it lost."""
    text = _POWER_OF_TWO.sub(lambda found: f"2^{found[1] or found[2]}", text)
    text = _LESS_THAN_POWER.sub(r"\g<1>2^\2", text)
    text = _SQUARED_SIZE.sub(lambda found: f"{found[1] or found[3]}^{found[2] or found[4]}", text)
    text = _SUM.sub(_squares, _POWER_OF_UNKNOWN.sub(r"\1^x", text))
    return "\n".join(map(_limits, text.split("\n")))


def _limits(line: str) -> str:
    if _EXAMPLE.match(line) or not _LIMIT.search(line):
        return line
    return _POWER_OF_TEN.sub(lambda found: f"10^{found[1] or found[2] or found[3]}", line)


def _squares(found: re.Match[str]) -> str:
    """A sum as a sum of squares, if it is right as one and wrong as a plain sum."""
    terms, total = re.findall(r"\d+", found[1]), int(found[2])
    if sum(map(int, terms)) == total or sum(int(term[0]) ** int(term[1]) for term in terms) != total:
        return found.group()
    return re.sub(r"\b(\d)(\d)\b", r"\1^\2", found[1]) + found.group()[len(found[1]) :]
