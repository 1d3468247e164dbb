import errno
import os

import pytest

from coma_cli import errors


class OutOfMemoryError(RuntimeError):
    """Named as torch's own, which this module must know without importing torch."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OutOfMemoryError("tried 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("unable to mmap 269060552 bytes from file <m.safetensors>: Cannot allocate memory (12)"),
        RuntimeError("CUDA error: out of memory"),
    ],
    ids=lambda error: f"{type(error).__name__}-{str(error)[:14]}",
)
def test_memory_that_runs_out_says_what_did_not_fit_and_what_would(error):
    assert errors.is_out_of_memory(error)
    what = pytest.raises(errors.CliError, match="The model m does not fit into memory")
    with what as caught, errors.memory_named("The model m", "a smaller one"):
        raise error
    assert caught.value.exit_code == 1
    assert caught.value.hint == "a smaller one"


@pytest.mark.parametrize("error", [ValueError("out of memory"), OSError(errno.EIO, "x"), RuntimeError("a bug")])
def test_what_is_no_want_of_memory_stays_what_it_is(error):
    with pytest.raises(type(error)) as caught, errors.memory_named("m", ""):
        raise error
    assert caught.value is error


def test_every_error_of_the_tree_has_its_own_exit_code_and_the_docstring_draws_it():
    classes = [errors.CliError, *errors.CliError.__subclasses__()]
    ours = [c for c in classes if c.__module__ == errors.__name__]
    assert sorted(c.exit_code for c in ours) == [1, 2, 3, 4, 5, 6, 130, 143]
    for c in ours:
        line = next(line for line in (errors.__doc__ or "").splitlines() if c.__name__ in line)
        assert str(c.exit_code) in line


@pytest.mark.parametrize(
    ("word", "guess"), [("humanevel", "humaneval"), ("MBBP", "mbpp"), ("HumanEval", "humaneval"), ("zzzz", None)]
)
def test_the_nearest_known_name_is_offered(word, guess):
    known = ["humaneval", "mbpp"]
    assert errors.nearest(word, known) == guess
    error = errors.unknown_name("benchmark", word, known)
    assert (f"Did you mean {guess}?" in error.message) == (guess is not None)
    assert error.hint == "Known: humaneval, mbpp"


def test_a_missing_package_comes_with_its_pip_line():
    assert errors.missing_package("peft", "finetune").hint == "pip install 'coma-cli[train]'"
    assert errors.missing_package("rensa", "build-data").hint == "pip install rensa"
    assert errors.missing_package("peft", "finetune").exit_code == 4


def test_an_import_that_fails_is_an_absent_package_a_broken_one_or_too_little_memory():
    absent = errors.package_blocker(ModuleNotFoundError("no", name="peft.utils"), "torch", "Tuning")
    assert (absent.exit_code, absent.hint) == (4, "pip install 'coma-cli[train]'")
    assert "the package peft," in absent.message
    own = errors.package_blocker(ModuleNotFoundError("no", name="yaml"), "yaml", "This command")
    assert own.hint == "pip install --force-reinstall coma-cli"
    broken = errors.package_blocker(ImportError("undefined symbol: x\nmore"), "torch", "Tuning")
    assert broken.exit_code == 4
    assert "can't be imported: undefined symbol: x" in broken.message
    assert broken.hint == "pip install --force-reinstall 'coma-cli[train]'"
    full = errors.package_blocker(ImportError("libtorch_cpu.so: failed to map segment"), "torch", "Tuning")
    assert full.exit_code == 1
    assert "memory" in full.message


@pytest.mark.parametrize(("number", "hint"), [("EACCES", "permissions"), ("EROFS", "read-only"), ("ENOTDIR", "file")])
def test_what_a_file_system_refuses_is_a_message_and_a_bug_is_not(number, hint):
    code = getattr(errno, number)
    explained = errors.machine_error(OSError(code, os.strerror(code), "/some/path"))
    assert "/some/path can't be read or written" in explained.message
    assert hint in explained.hint
    assert errors.machine_error(OSError(errno.EBADF, "bad", None)) is None
    assert errors.machine_error(OSError("no number")) is None


def test_memory_that_runs_out_anywhere_is_a_message():
    assert "memory" in errors.machine_error(MemoryError()).message
    assert errors.machine_error(RuntimeError("a bug")) is None


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 92544 vs 92432"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["system", "torch", "safetensors"],
)
def test_a_disk_that_is_full_is_a_message_whoever_wrote(error):
    explained = errors.machine_error(error)
    assert explained.message == "No space left; all complete output is kept."
    assert "--workspace" in explained.hint


def test_a_quota_is_named():
    explained = errors.machine_error(OSError(errno.EDQUOT, "Disk quota exceeded", "/w/x"))
    assert explained.message.startswith("No space left writing /w/x (disk quota exceeded)")


def test_no_folder_for_temporary_files_names_the_variable():
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/']")
    assert "TMPDIR" in errors.machine_error(error).hint
