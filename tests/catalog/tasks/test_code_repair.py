from dataclasses import replace

from coma_cli.catalog.tasks import code_repair
from tests.catalog.tasks.materials import REPAIR, made


def test_golden_repair():
    row = made("code-repair", REPAIR)
    assert (row.id, row.instruction) == (
        "31eada3e7e04a5b09dc5",
        "The anonymized Java function below has a bug. Give the token sequence with the bug fixed.",
    )
    assert (row.input, row.output) == (REPAIR.buggy, REPAIR.fixed)
    plain = made("code-repair", replace(REPAIR, abstracted=False))
    assert plain.instruction in {wording.replace("{language}", "Java") for wording in code_repair.WORDINGS["en"]}
