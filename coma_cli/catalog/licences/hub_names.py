"""Licences as the Hugging Face Hub names them in the header of a card.

Source: the table of huggingface/hub-docs, docs/hub/repositories-licenses.md. A card has one identifier of that table;
for anything else it has `other` and a name in `license_name`.
"""

import re
from collections.abc import Collection, Mapping

from coma_cli.catalog.licences.kinds import is_known

_NAMES = (
    "apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 "
    "bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc "
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 "
    "cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
    "cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 "
    "agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ "
    "osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license llama2 gemma unknown other"
)
HUB_NAMES = frozenset(_NAMES.split())
OTHER, UNKNOWN, MIXED = "other", "unknown", "mixed"
_RENAMED: Mapping[str, str] = {"c-uda-1.0": "c-uda", "odbl-1.0": "odbl"}
_SUFFIX = re.compile(r"(?:-only|-or-later|\+)\Z")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.]+")


def hub_licence(licences: Collection[str]) -> dict[str, str]:
    """The licence fields of a card for content under these licences together.

    `license` is the Hub's identifier where all content is under one licence of its table, `unknown` where no licence is
    known, and else `other`, with a `license_name`: that of the one licence, or `mixed`.
    """
    if not licences or not any(map(is_known, licences)):
        return {"license": UNKNOWN}
    if len(licences) > 1:
        return {"license": OTHER, "license_name": MIXED}
    (only,) = licences
    name = _SUFFIX.sub("", only.lower())
    name = _RENAMED.get(name, name)
    if name in HUB_NAMES:
        return {"license": name}
    return {"license": OTHER, "license_name": _NOT_IN_A_NAME.sub("-", name).strip("-")}
