import re
from dataclasses import replace
from typing import get_args

from coma_cli.catalog.tasks import code_repair, defect_detection
from coma_cli.catalog.tasks.flaws import FLAWS, wordings_by_flaw
from coma_cli.syntax.sites import MutationKind
from tests.catalog.tasks.materials import JUDGED, made


def test_every_kind_of_edit_has_a_name():
    assert set(FLAWS) == set(get_args(MutationKind))
    wordings = wordings_by_flaw({"en": ("A",), "cn": ("B",)}, {"en": ("Has {flaw}.",), "cn": ("有{flaw}。",)})
    assert wordings["off-by-one"] == {"en": ("A", "Has an off-by-one error."), "cn": ("B", "有差一错误。")}


def test_no_wording_of_an_injected_bug_speaks_of_security_or_keeps_a_gap():
    security = re.compile(r"secur|exploit|vulnerab|attack|漏洞|安全|攻击", re.IGNORECASE)
    for task in (code_repair, defect_detection):
        for wordings in task.INJECTED_WORDINGS.values():
            for wording in (*wordings["en"], *wordings["cn"]):
                assert not security.search(wording)
                assert "{language}" in wording
                assert "{flaw}" not in wording


def test_the_wording_does_not_give_away_the_answer():
    """A function with the bug and one without it are asked about in the same words."""

    def asked(defective):
        rows = [replace(JUDGED, code=f"int f() {{ return {n}; }}", defective=defective) for n in range(400)]
        return {made("defect-detection", replace(row, flaw="off-by-one")).instruction for row in rows}

    assert asked(True) == asked(False)
    assert any("off-by-one" in wording for wording in asked(True))
