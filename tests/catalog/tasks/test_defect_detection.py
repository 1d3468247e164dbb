import re
from dataclasses import replace

from coma_cli.catalog.tasks import defect_detection
from coma_cli.catalog.tasks.flaws import FLAWS
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


def test_some_functions_with_a_known_kind_of_bug_ask_which_it_is():
    kinds = ["changed-operator", "off-by-one", "swapped-arguments", "dropped-check"]
    rows = [
        made("defect-detection", replace(JUDGED, flaw=kind, defective=defective, code=f"int f{n}(void) {{ }}"), seed)
        for n, kind in enumerate(kinds)
        for defective in (True, False)
        for seed in range(8)
    ]
    asked = {text.format(language="C") for text in defect_detection.WHICH_WORDINGS["en"]}
    which = [row for row in rows if row.instruction in asked]
    assert {row.output for row in rows if row not in which} == {"yes", "no"}
    assert {row.output for row in which} == {*(FLAWS[kind]["en"] for kind in kinds), "none"}
    assert len(rows) / 6 < len(which) < len(rows) / 2
    for language in ("en", "cn"):  # each answer is one of the choices
        answers = [*(FLAWS[kind][language] for kind in kinds), defect_detection.NO_FLAW[language]]
        assert all(answer in text for text in defect_detection.WHICH_WORDINGS[language] for answer in answers)
