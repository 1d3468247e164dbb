import resource

import pytest

from coma_cli.sandbox import Isolation, SandboxUnavailable
from coma_cli.sandbox.toolchains import LANGUAGES_RUN, Toolchain
from coma_cli.workbench.checkup import isolation as module
from coma_cli.workbench.checkup.isolation import diagnose_sandbox, diagnose_toolchains, raising_line

NS = Isolation("ns", ("namespaces", "limits"))
LANDLOCK = Isolation("landlock", ("seccomp",), ("names can be seen",), ("ns: clone: denied",))


def told(diagnoses):
    return {one.name: (one.severity, one.found, one.fix) for one in diagnoses}


def refused():
    raise SandboxUnavailable("ns: denied; landlock: absent")


@pytest.fixture
def sysctl(tmp_path):
    (tmp_path / "kernel").mkdir()
    return tmp_path


def test_the_best_level_is_as_it_should_be(sysctl):
    isolation, found = diagnose_sandbox(lambda: NS, sysctl)
    assert isolation is NS
    assert told(found) == {
        "level": ("ok", "ns, the best one", None),
        "what stops programs": ("ok", "namespaces; limits", None),
    }


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("kernel/unprivileged_userns_clone", "0\n", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ("kernel/unprivileged_userns_clone", "1\n", "Use a machine or container that permits user namespaces."),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1\n",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_a_lower_level_is_a_warning_with_the_line_that_permits_the_best(sysctl, name, value, line):
    (sysctl / name).write_text(value)
    found = told(diagnose_sandbox(lambda: LANDLOCK, sysctl)[1])
    assert found["level"] == ("warning", "landlock; ns is not possible: ns: clone: denied", line)
    assert found["what is not stopped"] == ("note", "names can be seen", None)


def test_no_isolation_is_an_error(sysctl):
    isolation, found = diagnose_sandbox(refused, sysctl)
    assert isolation is None
    severity, said, fix = told(found)["level"]
    assert (severity, said) == ("error", "programs can't be isolated: ns: denied; landlock: absent")
    assert "Landlock" in fix


def test_limits_of_the_shell_are_named_with_the_line_that_raises_them(monkeypatch, sysctl):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (20, 4096) if kind == resource.RLIMIT_NOFILE else (-1, -1))
    severity, _, fix = told(diagnose_sandbox(lambda: NS, sysctl)[1])["limits"]
    assert severity == "error"
    assert fix.startswith("ulimit -S -n ")
    assert raising_line("the MiB of a file are limited to 1 here (ulimit -f), and the sandbox needs 64") == (
        "ulimit -S -f 65536"
    )
    assert raising_line("this process ignores SIGCHLD") is None


def test_toolchains_that_are_absent_or_out_of_reach(monkeypatch):
    chain = Toolchain("go", "go1.19", str, lambda *_: [], None)
    found = told(diagnose_toolchains(NS, {"go": chain}.get))
    assert found["installed"] == ("ok", "go (go1.19)", None)
    severity, absent, line = found["not installed"]
    assert (severity, absent) == ("note", ", ".join(name for name in LANGUAGES_RUN if name != "go"))
    assert line.startswith("sudo apt-get install nodejs ") and "golang" not in line
    monkeypatch.setattr(module, "is_readable", lambda *_: False)
    assert told(diagnose_toolchains(NS, {"go": chain}.get))["go"][0] == "warning"
    assert "go" not in told(diagnose_toolchains(None, {"go": chain}.get))
    assert [one.name for one in diagnose_toolchains(None, lambda _: None)] == ["not installed"]
