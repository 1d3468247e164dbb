from dataclasses import replace

from tests.catalog.tasks.materials import JUDGED, made


def test_golden_defect_detection():
    row = made("defect-detection", JUDGED)
    assert (row.id, row.instruction) == (
        "5122b549741a9da7a4e4",
        "You audit C code. Would you object to this function? The answer is yes or no.",
    )
    assert (row.input, row.output) == ("int f(void)\n{\n}", "yes")
    assert made("defect-detection", replace(JUDGED, defective=False)).output == "no"
