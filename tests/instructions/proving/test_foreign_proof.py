"""Programs of other languages: `ran` where they end well, `parsed` with what went wrong where they do not."""

import pytest

from coma_cli.instructions.proving.foreign_proof import ForeignJob, prove_foreign, toolchains_at
from coma_cli.instructions.proving.levels import Proof
from coma_cli.instructions.proving.settings import ProofSettings
from coma_cli.sandbox import SandboxUnavailable, probe_isolation
from tests.requirements import skip_unless

PROGRAMS = {
    "right": ("c", "int main(void) { return 0; }\n"),
    "no main part": ("c", "int f(int x) { return x; }\n"),
    "undeclared": ("c", "int main(void) { return x; }\n"),
    "status": ("javascript", "process.exit(3);\n"),
    "throws": ("javascript", "throw new Error('no');\n"),
    "definitions": ("javascript", "function f(x) { return x; }\n"),
    "endless": ("javascript", "for (;;) ;\n"),
    "never run": ("csharp", "class A { static void Main() { } }\n"),
}


@pytest.fixture(scope="module")
def proofs() -> dict[str, Proof]:
    try:
        level = probe_isolation().level
    except SandboxUnavailable as error:
        skip_unless("namespaces", False, str(error))
    skip_unless("toolchains", {"c", "javascript"} <= toolchains_at(level).keys(), "gcc or node is not installed")
    jobs = [ForeignJob(key, language, program) for key, (language, program) in PROGRAMS.items()]
    found = list(prove_foreign(jobs, ProofSettings(cpu_s=1), level, 2))
    assert [key for key, _ in found] == list(PROGRAMS)
    return dict(found)


def test_each_reaches_its_level(proofs):
    levels = {key: proof.level for key, proof in proofs.items()}
    assert {key for key, level in levels.items() if level == "ran"} == {"right", "definitions"}
    assert set(levels.values()) == {"ran", "parsed"}


def test_what_went_wrong_can_be_shown_to_the_model(proofs):
    assert "main.c:1:25: error: ‘x’ undeclared" in proofs["undeclared"].error
    assert "Error: no" in proofs["throws"].error and proofs["throws"].error.endswith("exit status 1")
    assert proofs["status"].error == "exit status 3"
    assert proofs["endless"].error == "it runs for too long"
    assert proofs["no main part"] == Proof("parsed", "it has no main part to run")
    assert proofs["never run"] == Proof("parsed", "no toolchain for csharp on this machine")
