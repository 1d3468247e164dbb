import json

import pytest

from coma_cli.errors import CliError
from coma_cli.workbench.checkup.diagnosis import Diagnosis
from coma_cli.workbench.doctor import report

FINE = Diagnosis("versions", "python", "ok", "3.12")
OPTIONAL = Diagnosis("keys", "HF_TOKEN", "note", "not set", "export HF_TOKEN=...")
WORSE = Diagnosis("sandbox", "level", "warning", "landlock", "sudo sysctl -w a=1", {"level": "landlock"})
BROKEN = Diagnosis("disk", "workspace", "error", "w\x1b is a file", "rm w")


def test_what_is_worse_or_absent_has_its_line_and_is_no_failure(capsys):
    report([FINE, WORSE, OPTIONAL], as_json=False)
    shown = capsys.readouterr().out
    fixes, optional = shown.split("\nTo fix:\n")[1].split("\nOptional:\n")
    assert fixes == "  # sandbox, level: landlock\n  sudo sysctl -w a=1"
    assert optional == "  # keys, HF_TOKEN: not set\n  export HF_TOKEN=...\n"
    assert shown.index("versions") < shown.index("sandbox") < shown.index("keys")


def test_what_is_broken_fails_after_everything_was_shown(capsys):
    with pytest.raises(CliError, match="1 thing that coma needs is broken; first workspace") as caught:
        report([BROKEN, FINE], as_json=False)
    assert (caught.value.exit_code, caught.value.hint) == (1, "rm w")
    shown = capsys.readouterr().out
    assert "3.12" in shown and "\x1b" not in shown


def test_the_json_has_every_check(capsys):
    report([FINE, WORSE], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["checks"][1] == {**vars(WORSE)}
    with pytest.raises(CliError, match="2 things that coma needs are broken"):
        report([BROKEN, BROKEN], as_json=True)
    assert json.loads(capsys.readouterr().out)["ok"] is False
