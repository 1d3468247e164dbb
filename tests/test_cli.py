"""The executable as a user meets it: help, wrong words, exit codes, one message and one hint."""

import resource
import signal
import statistics
import subprocess
import sys

import pytest

from coma_cli.pipeline import PIPELINE
from tests.support.command import coma, run_coma


def test_help_names_the_six_commands_in_pipeline_order():
    shown = coma("--help").stdout
    places = [shown.index(f" {row.command} ") for row in PIPELINE]
    assert places == sorted(places)


def test_help_takes_little_cpu_time():
    def cpu_s() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        coma("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert statistics.median(cpu_s() for _ in range(5)) <= 0.35


def test_help_imports_nothing_heavy():
    script = (
        "import sys; sys.argv = ['coma', '--help']\n"
        "from coma_cli.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pydantic', 'openai', 'yaml', 'jinja2'} & set(sys.modules)\n"
        "sys.stderr.write(repr(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "build-data" in done.stdout
    assert done.stderr == "set()"


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_every_command_has_help_with_the_shared_options(row):
    done = coma(row.command, "--help")
    assert done.returncode == 0
    for option in ("--workspace", "--name", "--force", "--dry-run", "--json", "--seed", "--config", "--set"):
        assert option in done.stdout


def test_version():
    from coma_cli import __version__

    assert coma("--version").stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["smaple"], "No such command 'smaple'", "coma sample --help"),
        (["zzz"], "No such command 'zzz'", "coma --help"),
        (["score", "--bnech", "mbpp"], "No such option", "coma score --help"),
        (["sample", "--seed", "many"], "Invalid value for '--seed'", "coma sample --help"),
        (["score", "--set", "tmeout=3"], "tmeout: unknown key", "coma settings score"),
        (["nonsense"], "No such command 'nonsense'", "Hint: coma --help"),
        (["sample", "--task-ids", ","], "empty list", "omit the option"),
        (["score", "-k", ""], "empty list", "omit the option"),
        (["finetune", "--set", "lora.aplha=8"], "did you mean lora.alpha?", "coma settings finetune"),
        (["finetune", "--epochs", "inf"], "epochs", "coma settings finetune"),
        (["finetune", "--max-steps", "1000000000000"], "max_steps", "coma settings finetune"),
        (["finetune", "--set", "lora.target_modules=[]"], "lora.target_modules", "coma settings finetune"),
        (["finetune", "--lora", "--full"], "--lora and --full exclude each other", "Keep one of them: --lora"),
        (["settings", "smaple"], "Did you mean sample?", "Known: build-data"),
        (["settings"], "Missing argument 'COMMAND'", "coma settings --help"),
        (["run"], "Missing argument 'RECIPE'", "coma run --help"),
        (["finetune", "--config", "no.yaml"], "no settings file no.yaml", "codecapybara-full, codecapybara-lora"),
    ],
)
def test_wrong_use_is_one_message_and_one_hint(arguments, message, hint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_coma(arguments) == (3 if "no.yaml" in arguments else 2)
    out, errors = capsys.readouterr()
    assert message in errors
    assert hint in errors
    assert "Traceback" not in errors
    assert out == ""


def test_malformed_yaml_names_the_line(tmp_path):
    (tmp_path / "bad.yaml").write_text("n: 1\nk: [1\n")
    done = coma("score", "--config", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "bad.yaml, line" in done.stderr


@pytest.mark.parametrize("command", ["score", "finetune", "sample"])
def test_a_workspace_that_is_a_file_is_no_traceback(command, tmp_path):
    (tmp_path / "file").write_text("")
    done = coma(command, "--workspace", "file", cwd=tmp_path)
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Error: ") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_path_that_is_no_text_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "coma_cli", "score", "-w", b"w\xff"], capture_output=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 2
    assert b"is not UTF-8 text" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["typer", "coma_cli.console", "coma_cli.settings", "rich.console"])
def test_ctrl_c_while_it_starts_is_one_message(module, tmp_path):
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        "class CtrlC:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}:\n"
        "            sys.meta_path.remove(self)\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, CtrlC())\n"
        "from coma_cli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "score"], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode in (130, -signal.SIGINT)  # a shell shows 130 for both
    assert done.stderr.startswith("Error: Interrupted"), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(closed, tmp_path):
    command = f'"{sys.executable}" -m coma_cli score --bench humaneval --check-references --dry-run --json {closed}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert ('"problems": 164' in done.stdout) == (" >&-" not in f" {closed}")


def test_text_that_the_terminal_can_not_show_is_spelled_out(tmp_path):
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    assert coma("score", "--help", **environment).returncode == 0
    done = coma("score", "--set", "größe=1", "--json", cwd=tmp_path, **environment)
    assert done.returncode == 2
    assert "gr\\xf6\\xdfe: unknown key" in done.stderr


@pytest.mark.parametrize(("package", "hint"), [("yaml", "--force-reinstall coma-cli"), ("torch", "coma-cli[train]")])
def test_a_package_that_is_not_there_is_named_with_its_pip_line(package, hint, tmp_path):
    script = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "import importlib.util as util; find = util.find_spec\n"
        f"util.find_spec = lambda name, *_: None if name == {package!r} else find(name, *_)\n"
        "from coma_cli.__main__ import main; main()"
    )
    (tmp_path / "rows.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    command = [sys.executable, "-c", script, "finetune", "--data", "rows.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 4, done.stderr
    assert f"needs the package {package}, which is not installed" in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_the_executable_alone_shows_its_help():
    done = coma()
    assert done.returncode == 2
    assert "build-data" in done.stdout
    assert done.stderr == ""
