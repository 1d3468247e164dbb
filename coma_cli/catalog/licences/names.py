"""Licences that a sentence names: `Released under the MIT License`, `License: Apache 2.0`.

A name is weaker than a text. It counts only where nothing else is said: words that limit it ("except", "parts of",
"MIT-like"), or that withhold rights, make it count for nothing.
"""

import re
from collections.abc import Mapping

from coma_cli.catalog.licences.kinds import COMMONS_CLAUSE, PROPRIETARY, is_known, joined, kind_of

_VERSION_2, _VERSION_3 = r"[\s,(-]*(?:v(?:er(?:sion|\.)?)?\s*)?\.?2\b", r"[\s,(-]*(?:v(?:er(?:sion|\.)?)?\s*)?\.?3\b"
_GENERAL = r"(?:GPL|General\s+Public\s+Licen[cs]e)"
# Specific names come first: what one of them matched is not looked at again.
_NAMES: tuple[tuple[str, str], ...] = (
    (rf"(?:\bA|Affero\s+){_GENERAL}(?:{_VERSION_3})?", "AGPL-3.0"),
    (rf"(?:\bL|Lesser\s+|Library\s+){_GENERAL}{_VERSION_3}(?:\.0)?", "LGPL-3.0"),
    (rf"(?:\bL|Lesser\s+|Library\s+){_GENERAL}(?:{_VERSION_2}(?:\.[01])?)?", "LGPL-2.1"),
    (rf"(?<![A-Za-z]){_GENERAL}{_VERSION_3}", "GPL-3.0"),
    (rf"(?<![A-Za-z]){_GENERAL}(?:{_VERSION_2})?", "GPL-2.0"),
    (r"Apache(?:\s+Software)?(?:\s+Licen[cs]e)?[\s,(-]*(?:v(?:ersion)?\s*)?\.?1\.1\b", "Apache-1.1"),
    (r"\bLICEN[CS]E[.-]APACHE2?\b", "Apache-2.0"),
    (
        r"\bApache(?:\s+Software)?(?:\s+Licen[cs]e|[\s-]*(?:v(?:ersion)?\s*)?2)(?:[\s,(-]*(?:v(?:ersion)?\s*)?2)?(?:\.0)?",
        "Apache-2.0",
    ),
    (
        r"(?:\b[23][\s-]clause\s+)?\b(?:new|modified|revised)\s+BSD\b|\b(?:BSD[\s-]*3|3[\s-]clause\s+BSD)\b",
        "BSD-3-Clause",
    ),
    (r"\b(?:simplified|FreeBSD)\s+(?:BSD\b|licen[cs]e)|\b(?:BSD[\s-]*2|2[\s-]clause\s+BSD)\b", "BSD-2-Clause"),
    (r"\bBSD\b", "BSD-3-Clause"),
    (r"\bMozilla\s+Public\s+Licen[cs]e\b|\bMPL\b", "MPL-2.0"),
    (r"\bEclipse\s+Public\s+Licen[cs]e\b|\bEPL\b", "EPL-2.0"),
    (r"\bBoost\s+Software\s+Licen[cs]e\b", "BSL-1.0"),
    (r"\bPython\s+Software\s+Foundation\b|\bPSF[\s-]+(?:2\.0|licen[cs]e)", "PSF-2.0"),
    (r"\bCC[\s-]?BY[\s-]NC[\w-]*|Attribution[\s-]*Non-?commercial[\w -]*", "CC-BY-NC-4.0"),
    (r"\bCC[\s-]?BY[\s-]SA[\w-]*|Attribution[\s-]*Share-?Alike", "CC-BY-SA-4.0"),
    (r"\bCC[\s-]?BY\b|Creative\s+Commons\s+Attribution\b", "CC-BY-4.0"),
    (r"\bCC0\b", "CC0-1.0"),
    (r"\bUnlicense\b", "Unlicense"),
    (r"\bWTFPL\b", "WTFPL"),
    (r"\bzlib(?:/libpng)?\s+licen[cs]e", "Zlib"),
    (r"\bISC\b", "ISC"),
    (r"\bMIT\b|\bExpat\b", "MIT"),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _NAMES)
# Terms that withhold what a permissive licence beside them grants. Texts of free licences contain none of them, or only
# in parts that are recognized as theirs.
_WITHHELD: tuple[tuple[str, str], ...] = (
    (r"Business\s+Source\s+Licen[cs]e|\bBUSL\b", "BUSL-1.1"),
    (r"Functional\s+Source\s+Licen[cs]e|\bFSL-1\.\d-ALv2", "FSL-1.1-ALv2"),
    (r"\bFSL-1\.\d-MIT", "FSL-1.1-MIT"),
    (r"Commons\s+Clause", COMMONS_CLAUSE),
    (r"Server\s+Side\s+Public\s+Licen[cs]e|\bSSPL\b", "SSPL-1.0"),
    (r"\bElastic\s+Licen[cs]e\b", "Elastic-2.0"),
    (r"\bPolyForm\s+Non-?commercial", "PolyForm-Noncommercial-1.0.0"),
    (r"\bPolyForm\b", "PolyForm-Small-Business-1.0.0"),
)
_PERMISSION = (
    r"\bwithout\s+(?:the\s+)?(?:(?:prior|express|explicit)\s+)*(?:written\s+(?:consent|permission|authori[sz]ation)\b"
    r"|(?:consent|permission|authori[sz]ation)\s+(?:of|from)\b)"
)
# Sentences that withhold rights wherever they are.
_SENTENCES = (
    r"\b(?:proprietary\s*(?:and|/|&|,)\s*(?:strictly\s+)?confidential|confidential\s*(?:and|/|&|,)\s*proprietary)\b"
    r"|\b(?:is|are|strictly|company|highly)\s+(?:proprietary|confidential)\b|^\W*(?:proprietary|confidential)\W*$"
    r"|\bproprietary\s+(?:software|information|code|source|material|rights|licen[cs]e)\b"
    r"|\bconfidential\s+(?:property|material)\b|\btrade\s+secrets?\b|\bUNLICENSED\b"
    r"|\bunauthori[sz]ed\s+(?:copying|use|distribution|reproduction)\b|\bnot\s+for\s+(?:re)?distribution\b"
    r"|\bno\s+part\s+of\s+(?:it|this|the)\b.{0,80}?\b(?:may|can|shall)\b"
    r"|\b(?:may|must|shall|can)\s*not\s+(?:be\s+)?"
    r"(?:cop(?:y|ied)|us(?:e|ed)|reproduced?|distributed?|modif(?:y|ied)|sell|sold)\b"
    rf"|{_PERMISSION}"
    r"|\b(?:evaluation|internal|personal|educational|academic|research)\s+(?:use|purposes?)\s+only\b"
    r"|(?<!Attribution[ -])(?<!\bBY-)\bnon-?commercial\s+(?:use|purposes?|research)\b"
)
# Words that do so in a licence file or in a section on the licence, where nothing else is spoken of.
_WORDS = (
    r"|\bproprietary\b|\bconfidential\b|\bSEE\s+LICEN[CS]E\s+IN\b|(?<!Attribution[ -])(?<!\bBY-)\bnon-?commercial\b"
    r"|\bnot\s+grant(?:ed)?\b.{0,60}?\bright|\bend[- ]user\s+licen[cs]e\b|\bsubscription\b"
)
_FLAGS = re.IGNORECASE | re.DOTALL | re.MULTILINE
_WITHHOLDING = tuple((re.compile(pattern, _FLAGS), name) for pattern, name in _WITHHELD)
_IN_NOTICES, _IN_TERMS = re.compile(_SENTENCES, _FLAGS), re.compile(_SENTENCES + _WORDS, _FLAGS)
_FUTURE_MIT = re.compile(
    r"\bMIT\s+Future\s+Licen[cs]e|\bFSL-1\.\d-MIT|Future\s+License\b.{0,200}\bMIT\b", re.IGNORECASE | re.DOTALL
)
_CHOICE = re.compile(
    r"\beither\b|\bdual[- ]?licen|\bat\s+your\s+(?:option|choice)\b|\bchoice\s+of\b|\bchoose\b"
    r"|\bMIT\s+(?:or|/)\s+Apache",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"\b(?:except|unless|portions?|parts?|some|other\s+than|differ\w*|various|third[- ]part\w+|similar|inspired"
    r"|compatible|commercial|contact|website|not)\b|-(?:like|style)\b|\blike\s+licen",
    re.IGNORECASE,
)
_ALIASES: Mapping[str, str] = {
    "apache": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "unlicensed": PROPRIETARY,
}


def withheld(text: str, *, is_notice: bool = False) -> str | None:
    """The licence of terms that withhold rights, if the text has any.

    A notice in a source file may speak of other things too, so single words count less in it.
    """
    for pattern, name in _WITHHOLDING:
        if pattern.search(text):
            return "FSL-1.1-MIT" if name.startswith("FSL") and _FUTURE_MIT.search(text) else name
    return PROPRIETARY if (_IN_NOTICES if is_notice else _IN_TERMS).search(text) else None


def offers_choice(text: str) -> bool:
    """Whether a text says that one of several licences may be chosen."""
    return _CHOICE.search(text) is not None


def named_in(text: str) -> list[str]:
    """The identifiers of the licences that a text names, each once."""
    found: list[str] = []
    for pattern, name in _COMPILED:
        text, count = pattern.subn(" ", text)
        if count and name not in found:
            found.append(name)
    return found


def stated_by_name(text: str) -> str | None:
    """What a short text states by naming licences; None if it names none, or limits what it says."""
    terms = withheld(text)
    if terms is not None:
        return terms
    names = named_in(text)
    if not names or (_LIMITED.search(text) and all(kind_of(name) == "permissive" for name in names)):
        return None
    return joined("OR" if offers_choice(text) else "AND", names)


def of_value(value: str) -> str | None:
    """The licence in a field of package metadata: an SPDX expression, or a name."""
    value = value.strip()
    alias = _ALIASES.get(value.lower())
    if alias is not None:
        return alias
    expression = value.replace("/", " OR ") if re.fullmatch(r"[\w.+-]+/[\w.+-]+", value) else value
    return expression if is_known(expression) else stated_by_name(value)
