"""The flags of the kernel's list of processors."""

import pytest

from coma_cli.models.cpu_features import multiplies_bfloat16


@pytest.mark.parametrize(("flags", "has"), [("fma avx2", False), ("avx512_bf16", True), ("amx_bf16 amx_tile", True)])
def test_bfloat16_instructions_are_found_by_their_flags(tmp_path, flags, has):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor : 0\nflags : {flags}\n")
    assert multiplies_bfloat16(path) is has


def test_a_machine_without_that_list_has_none(tmp_path):
    assert not multiplies_bfloat16(tmp_path / "cpuinfo")
