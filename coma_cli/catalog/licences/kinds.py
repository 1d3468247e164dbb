"""What licences allow, as far as training data is concerned: a table of identifiers, and policies over it.

Kinds: `permissive` requires at most attribution; `share-alike` (including copyleft) requires the same terms for derived
works; `non-commercial` forbids commercial use. Identifiers are SPDX's (spdx.org/licenses, version 3.25), and C-UDA-1.0,
the Computational Use of Data Agreement of CodeXGLUE's data, which is permissive for computational use.
"""

import re
from collections.abc import Mapping
from typing import Literal

Kind = Literal["permissive", "share-alike", "non-commercial", "unknown"]
Policy = Literal["permissive", "non-commercial-ok", "any"]

_PERMISSIVE = (
    "0BSD AFL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSL-1.0 C-UDA-1.0 C-UDA "
    "CC-BY-3.0 CC-BY-4.0 CC0-1.0 ISC MIT MIT-0 MS-PL NCSA PSF-2.0 Python-2.0 PostgreSQL Ruby Unlicense "
    "UPL-1.0 WTFPL X11 Zlib"
)
_SHARE_ALIKE = (
    "AGPL-3.0 CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 EPL-1.0 EPL-2.0 EUPL-1.2 GPL-2.0 GPL-3.0 LGPL-2.1 "
    "LGPL-3.0 MPL-1.1 MPL-2.0 MS-RL ODbL-1.0 OSL-3.0"
)
_NON_COMMERCIAL = "CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-NC-ND-4.0"
_GROUPS: tuple[tuple[Kind, str], ...] = (
    ("permissive", _PERMISSIVE),
    ("share-alike", _SHARE_ALIKE),
    ("non-commercial", _NON_COMMERCIAL),
)
KINDS: Mapping[str, Kind] = {name.lower(): kind for kind, names in _GROUPS for name in names.split()}
_ALLOWED: Mapping[Policy, frozenset[Kind]] = {
    "permissive": frozenset({"permissive"}),
    "non-commercial-ok": frozenset({"permissive", "share-alike", "non-commercial"}),
    "any": frozenset({"permissive", "share-alike", "non-commercial", "unknown"}),
}
_SUFFIX = re.compile(r"(?:-only|-or-later|\+)\Z")


def kind_of(identifier: str) -> Kind:
    """The kind of a single licence; `unknown` for a name that is not in the table."""
    return KINDS.get(_SUFFIX.sub("", identifier.strip().strip("()").strip().lower()), "unknown")


def allows(policy: Policy, licence: str) -> bool:
    """Whether a policy allows rows under a licence; of `A OR B` one must be allowed, of `A AND B` both."""
    if policy == "any":
        return True
    choices = (choice.split(" AND ") for choice in licence.split(" OR "))
    return any(all(kind_of(part) in _ALLOWED[policy] for part in parts) for parts in choices)
