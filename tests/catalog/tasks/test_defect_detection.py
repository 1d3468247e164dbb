import re
from dataclasses import replace

from coma_cli.catalog.tasks import defect_detection
from tests.catalog.tasks.materials import JUDGED, made


def test_golden_defect_detection():
    row = made("defect-detection", JUDGED)
    assert (row.id, row.instruction) == (
        "5122b549741a9da7a4e4",
        "You are reviewing C code. Would you flag this function as defective? Answer yes or no.",
    )
    assert (row.input, row.output) == ("int f(void)\n{\n}", "yes")
    assert made("defect-detection", replace(JUDGED, defective=False)).output == "no"


def test_defects_are_not_said_to_be_security_flaws():
    """Injected bugs are mostly harmless to security."""
    security = re.compile(r"secur|exploit|vulnerab|attack|audit|漏洞|安全|攻击|利用|审计", re.IGNORECASE)
    for language in ("en", "cn"):
        assert not [wording for wording in defect_detection.WORDINGS[language] if security.search(wording)]
