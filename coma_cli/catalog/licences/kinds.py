"""What licences allow, as far as training data is concerned: a table of identifiers, and policies over it.

Kinds: `permissive` requires at most attribution; `share-alike` (including copyleft) requires the same terms for derived
works; `non-commercial` forbids commercial use; `restricted` withholds more than that: proprietary terms, and source
that may be read but not used freely. Identifiers are SPDX's (spdx.org/licenses, version 3.25), `LicenseRef-` names for
terms that have none, and C-UDA-1.0, the Computational Use of Data Agreement of CodeXGLUE's data, which is permissive
for computational use.
"""

import re
from collections.abc import Mapping
from typing import Literal

Kind = Literal["permissive", "share-alike", "non-commercial", "restricted", "unknown"]
Policy = Literal["permissive", "non-commercial-ok", "any"]

PROPRIETARY = "LicenseRef-proprietary"
COMMONS_CLAUSE = "LicenseRef-Commons-Clause"

_PERMISSIVE = (
    "0BSD AFL-2.1 AFL-3.0 Apache-1.1 Apache-2.0 Artistic-2.0 BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause "
    "BSD-2-Clause-Patent BSD-2-Clause-Views BSD-3-Clause BSD-3-Clause-Clear BSD-3-Clause-LBNL BSD-4-Clause "
    "BSD-4-Clause-UC BSD-Source-Code BSL-1.0 bzip2-1.0.6 C-UDA-1.0 C-UDA CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 "
    "CC0-1.0 CNRI-Python curl ECL-2.0 FTL HPND HPND-sell-variant ICU IJG ISC libpng-2.0 Libpng libtiff MIT MIT-0 "
    "MIT-CMU MIT-Modern-Variant MIT-advertising MIT-feh MS-PL MulanPSL-2.0 NCSA NTP OLDAP-2.8 OpenSSL PHP-3.01 "
    "PostgreSQL PSF-2.0 Python-2.0 Python-2.0.1 Ruby SSH-OpenSSH TCL Unicode-3.0 Unicode-DFS-2016 Unlicense UPL-1.0 "
    "Vim W3C WTFPL X11 Xnet Zlib zlib-acknowledgement ZPL-2.1"
)
_SHARE_ALIKE = (
    "AGPL-3.0 CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 CDDL-1.1 CECILL-2.1 CPL-1.0 EPL-1.0 EPL-2.0 EUPL-1.1 "
    "EUPL-1.2 GPL-1.0 GPL-2.0 GPL-3.0 IPL-1.0 LGPL-2.0 LGPL-2.1 LGPL-3.0 MPL-1.0 MPL-1.1 MPL-2.0 MS-RL ODbL-1.0 "
    "OFL-1.1 OSL-3.0"
)
_NON_COMMERCIAL = (
    "CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-NC-ND-4.0 "
    "PolyForm-Noncommercial-1.0.0"
)
_RESTRICTED = (
    f"BUSL-1.1 FSL-1.1-MIT FSL-1.1-ALv2 SSPL-1.0 Elastic-2.0 PolyForm-Small-Business-1.0.0 {PROPRIETARY} "
    f"{COMMONS_CLAUSE}"
)
_GROUPS: tuple[tuple[Kind, str], ...] = (
    ("permissive", _PERMISSIVE),
    ("share-alike", _SHARE_ALIKE),
    ("non-commercial", _NON_COMMERCIAL),
    ("restricted", _RESTRICTED),
)
KINDS: Mapping[str, Kind] = {name.lower(): kind for kind, names in _GROUPS for name in names.split()}
_ALLOWED: Mapping[Policy, frozenset[Kind]] = {
    "permissive": frozenset({"permissive"}),
    "non-commercial-ok": frozenset({"permissive", "share-alike", "non-commercial"}),
    "any": frozenset({"permissive", "share-alike", "non-commercial", "restricted", "unknown"}),
}
_SUFFIX = re.compile(r"(?:-only|-or-later|\+)\Z")
_TOKEN = re.compile(r"[()]|[^\s()]+")
_OPERATORS = frozenset({"AND", "OR", "WITH", "(", ")"})


def kind_of(identifier: str) -> Kind:
    """The kind of a single licence, with or without an exception; `unknown` for a name that is not in the table."""
    name = re.split(r"\s+with\s+", identifier.strip().lower())[0]
    return KINDS.get(_SUFFIX.sub("", name), "unknown")


def allows(policy: Policy, licence: str) -> bool:
    """Whether a policy allows rows under a licence; of `A OR B` one must be allowed, of `A AND B` both.

    What is not an SPDX expression, such as `unknown (COPYING)`, counts as one unknown licence.
    """
    return policy == "any" or _Expression(licence).holds(_ALLOWED[policy])


def joined(operator: Literal["AND", "OR"], parts: list[str]) -> str:
    """Several licences as one expression; each once, in the order of their names."""
    distinct = sorted(set(parts), key=str.lower)
    if len(distinct) == 1:
        return distinct[0]
    return f" {operator} ".join(f"({part})" if " " in part and " WITH " not in part else part for part in distinct)


def is_known(licence: str) -> bool:
    """Whether a licence is a well-formed expression, and all licences in it are in the table."""
    expression = _Expression(licence)
    return expression.holds(_ALLOWED["any"]) and all(kind_of(name) != "unknown" for name in expression.names)


class _Expression:
    """An SPDX licence expression (annex D of SPDX 2.3): AND binds closer than OR, WITH closer than both."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self.names: list[str] = []

    def holds(self, allowed: frozenset[Kind]) -> bool:
        """Whether one may use what is under it with licences of these kinds alone; never for a malformed one."""
        self._at = 0
        self.names.clear()
        held = self._any_of(allowed)
        return held and self._at == len(self._tokens)

    def _any_of(self, allowed: frozenset[Kind]) -> bool:
        held = self._all_of(allowed)
        while self._takes("OR"):
            held = self._all_of(allowed) or held
        return held

    def _all_of(self, allowed: frozenset[Kind]) -> bool:
        held = self._one(allowed)
        while self._takes("AND"):
            held = self._one(allowed) and held
        return held

    def _one(self, allowed: frozenset[Kind]) -> bool:
        if self._takes("("):
            held = self._any_of(allowed)
            return self._takes(")") and held
        name = self._word()
        if self._takes("WITH"):
            self._word()
        self.names.append(name)
        return bool(name) and kind_of(name) in allowed

    def _word(self) -> str:
        """The next token, if it is the name of a licence or an exception."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if token.upper() in _OPERATORS:
            return ""
        self._at += 1
        return token

    def _takes(self, token: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at].upper() == token
        self._at += found
        return found
