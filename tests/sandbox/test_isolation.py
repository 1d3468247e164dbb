"""Levels: proven by trying, named in full, never taken in silence."""

import pytest

from coma_cli.sandbox import Isolation, Program, Sandbox, SandboxUnavailable, isolation, probe_isolation
from coma_cli.sandbox.launch import find_interpreter
from tests.requirements import skip_unless


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Levels that this machine shall pretend not to have."""
    refused: set[str] = set()
    real = isolation._try_level
    monkeypatch.setattr(
        isolation, "_try_level", lambda setting: "refused here" if setting.level in refused else real(setting)
    )
    return refused


def test_the_best_level_is_taken_and_says_what_holds() -> None:
    found = probe_isolation()
    skip_unless("namespaces", found.level == "ns", f"namespaces are refused here: {found.refused}")
    assert any("namespaces" in wall for wall in found.on)
    assert found.refused == ()


def test_a_lower_level_names_what_is_lost_and_why_the_better_one_was_refused(refusing: set[str]) -> None:
    refusing.add("ns")
    found = probe_isolation()
    assert found.level == "landlock"
    assert found.lost
    assert found.refused == ("ns: refused here",)


def test_what_was_asked_for_is_had_or_refused_never_replaced(refusing: set[str]) -> None:
    refusing.add("ns")
    with pytest.raises(SandboxUnavailable, match="ns: refused here"):
        probe_isolation("ns")


def test_auto_never_goes_below_landlock(refusing: set[str]) -> None:
    refusing.update(("ns", "landlock"))
    with pytest.raises(SandboxUnavailable, match="ns: refused here; landlock: refused here"):
        probe_isolation("auto", consent=True)


def test_a_wall_that_can_not_be_built_is_an_error_with_its_step() -> None:
    # An interpreter that lies nowhere within the new root can't import anything there.
    real = find_interpreter(None)
    broken = isolation.setting_of("ns", type(real)(real.executable, (), ""))
    refusal = isolation._try_level(broken)
    assert refusal is None or "can't start" in refusal


def test_a_kernel_without_landlock_still_has_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coma_cli.sandbox.inside.landlock.abi_version", lambda: 0)
    found = probe_isolation("ns")
    assert any("Landlock" in loss for loss in found.lost)
    assert not any("Landlock" in wall for wall in found.on)
    with Sandbox(isolation="ns", workers=1) as sandbox:
        (outcome,) = sandbox.run([Program("a", "open('/etc/passwd')", None)])
    assert outcome.verdict == "fail"


def test_an_isolation_is_a_plain_value() -> None:
    assert Isolation("ns") == Isolation("ns", (), (), ())
