"""Which optimizer a machine uses."""

import pytest

from coma_cli.training.optimizers import optimizer_for


@pytest.mark.parametrize(
    ("name", "on_cpu", "used"),
    [
        ("adamw", True, "adamw"),
        ("adamw_8bit", True, "adamw_8bit"),
        ("paged_adamw_32bit", True, "adamw"),
        ("paged_adamw_8bit", True, "adamw_8bit"),
        ("paged_adamw_32bit", False, "paged_adamw_32bit"),
        ("paged_adamw_8bit", False, "paged_adamw_8bit"),
    ],
)
def test_paging_is_replaced_on_a_cpu_and_said(name, on_cpu, used):
    found, replaced = optimizer_for(name, on_cpu=on_cpu)
    assert found.name == used
    assert bool(replaced) == (name != used)
    assert all(name in line and used in line for line in replaced)
