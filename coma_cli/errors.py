"""What can go wrong, as one tree; the command line catches its root in one place and exits with the class's code.

    CliError                     1   the work failed
    ├── UsageError               2   an option, a settings key or a combination that makes no sense
    ├── MissingInputError        3   a file, artifact, benchmark or model that is missing or incomplete
    ├── MissingPackageError      4   a package that this command needs is not installed
    ├── BudgetReachedError       5   stopped at the user's own limit; the same command resumes
    ├── BelowThresholdError      6   the work is done, and the number is below `--fail-under`, or worse than it may be
    ├── InterruptedByUserError   130 Ctrl-C
    └── TerminatedError          143 SIGTERM, where work is saved first

Every error is one message for a person and one hint that can be typed or changed. `machine_error` turns what the
machine refuses (memory, disk, permissions) into one of them. Anything else that escapes a command is a bug and keeps
its traceback.
"""

import difflib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from coma_cli.words import shortened

INTERRUPTED_EXIT_CODE = 130


class CliError(Exception):
    """The work failed for a reason that the user can act on."""

    exit_code: int = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["CliError"], tuple[str, str]]:
        """How an error of a worker process travels to the one that started it."""
        return type(self), (self.message, self.hint)


class UsageError(CliError):
    """The command, its options or its settings cannot be used as given."""

    exit_code: int = 2


class MissingInputError(CliError):
    """Something that the command reads is missing, unfinished or empty."""

    exit_code: int = 3


class MissingPackageError(CliError):
    """An optional package is needed and absent; the hint is the pip line that brings it."""

    exit_code: int = 4


class BudgetReachedError(CliError):
    """Stopped at a limit that the user set; nothing is lost and the same command continues."""

    exit_code: int = 5


class BelowThresholdError(CliError):
    """The result is complete but below the threshold that the user set, or worse than the run that was named."""

    exit_code: int = 6


class InterruptedByUserError(CliError):
    """Ctrl-C."""

    exit_code: int = INTERRUPTED_EXIT_CODE


class TerminatedError(CliError):
    """SIGTERM, after which the work so far was saved."""

    exit_code: int = 143


# Which extra of this distribution brings which importable package.
PACKAGE_EXTRAS: Mapping[str, str] = {
    "torch": "train",
    "transformers": "train",
    "peft": "train",
    "accelerate": "train",
    "bitsandbytes": "train",
    "datasets": "train",
    "gguf": "gguf",
    "vllm": "vllm",
    "ray": "ray",
    "py7zr": "stackexchange",
}


def missing_package(package: str, purpose: str) -> MissingPackageError:
    """The error for a package that could not be imported, with the pip line that installs it."""
    extra = PACKAGE_EXTRAS.get(package)
    requirement = f"'coma-cli[{extra}]'" if extra else package
    return MissingPackageError(
        f"{purpose} needs the package {package}, which is not installed.", f"pip install {requirement}"
    )


# How libraries say it in a plain RuntimeError: torch's CPU allocator, its mapping of files, CUDA's runtime, oneDNN,
# cuBLAS, which allocates its own workspace; and the dynamic loader, in an ImportError.
_MEMORY_WORDS = (
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "could not create a primitive",
    "cublas_status_alloc_failed",
)
_LOADER_WORDS = ("failed to map segment", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the machine or the GPU has too little memory; torch is not imported for it."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    said = {RuntimeError: _MEMORY_WORDS, ImportError: _LOADER_WORDS}
    text = str(error).lower()
    return any(isinstance(error, kind) and words in text for kind, known in said.items() for words in known)


# Writers of weights have errors of their own for a full disk: safetensors in Rust, torch's archives in C++.
_DISK_WORDS = ("No space left on device", "PytorchStreamWriter failed writing", "inline_container.cc")


def is_disk_full(error: BaseException) -> bool:
    """Whether an error means that a file had no room: none on the disk, in the quota, or below the size limit."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return any(words in str(error) for words in _DISK_WORDS)


# What a path can be refused for that is not coma's fault, and what to do about it.
_PERMISSIONS = "Change its permissions, or choose another path or --workspace."
_FILE_IN_THE_WAY = "A file is where a folder should be: move it, or choose another path."
_FAILED_DISK = "The disk or its network connection failed: check it, then run the same command again to resume."
_REFUSALS: Mapping[int, str] = {
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "It is on a read-only file system: choose another path or --workspace.",
    errno.ENOTDIR: _FILE_IN_THE_WAY,
    errno.EISDIR: "A folder is where a file should be: move it, or choose another path.",
    errno.EEXIST: _FILE_IN_THE_WAY,
    errno.ENAMETOOLONG: "Choose a shorter path or --name.",
    errno.ELOOP: "Its symbolic links form a loop: choose another path.",
    errno.EIO: _FAILED_DISK,
    errno.ESTALE: _FAILED_DISK,
}


def machine_error(error: BaseException) -> CliError | None:
    """The error to show for what the machine refuses; None for what only a bug can have caused."""
    if is_out_of_memory(error):
        return CliError(
            "The memory of this machine is full; the output so far is kept.",
            "Close other programs, or process less at once.",
        )
    if is_disk_full(error):
        return _full_disk(error)
    return _refused_file(error) if isinstance(error, OSError) else None


def _full_disk(error: BaseException) -> CliError:
    """The error for a file that had no room; quotas and size limits are named."""
    number, name = (error.errno, error.filename) if isinstance(error, OSError) else (None, None)
    where = f" writing {name}" if name else ""
    limit = f" ({os.strerror(number).lower()})" if number in (errno.EDQUOT, errno.EFBIG) else ""
    return CliError(
        f"No space left{where}{limit}; all complete output is kept.",
        "Free some space or choose another --workspace, then run the same command again to resume.",
    )


def _refused_file(error: OSError) -> CliError | None:
    """The error for what a file system refuses."""
    if "No usable temporary directory" in str(error):
        return CliError("No usable temporary directory was found.", "export TMPDIR=FOLDER (a writable one)")
    if error.filename is None or error.errno is None or error.errno not in _REFUSALS:
        return None
    reason = (error.strerror or str(error)).lower()
    return CliError(f"{error.filename} can't be read or written: {reason}.", _REFUSALS[error.errno])


@contextmanager
def memory_named(what: str, hint: str) -> Iterator[None]:
    """Turn what libraries raise when memory runs out into an error that says what did not fit and what would.

    Raises:
        CliError: `what` does not fit into memory.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        first = shortened((str(error).splitlines() or [""])[0], 160)
        detail = f": {first}" if first else ""
        raise CliError(f"{what} does not fit into memory{detail}", hint) from error


def package_blocker(error: ImportError, package: str, purpose: str) -> CliError:
    """The error for an import that failed: a package that is absent, one that is broken, or memory that ran out."""
    if is_out_of_memory(error):
        return CliError(
            f"{purpose} does not fit into memory: {error}", "Close other programs, or use a larger machine."
        )
    if isinstance(error, ModuleNotFoundError):
        absent = (error.name or package).partition(".")[0]
        if absent in PACKAGE_EXTRAS:
            return missing_package(absent, purpose)
        return MissingPackageError(  # one of the base installation
            f"{purpose} needs the package {absent}, which is not installed.", "pip install --force-reinstall coma-cli"
        )
    extra = PACKAGE_EXTRAS.get(package)
    requirement = f"'coma-cli[{extra}]'" if extra else package
    return MissingPackageError(
        f"{purpose} needs the package {package}, which can't be imported: {shortened(str(error).splitlines()[0], 200)}",
        f"pip install --force-reinstall {requirement}",
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely meant; None if nothing is close."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def unknown_name(kind: str, word: str, known: Iterable[str], *, hint: str | None = None) -> UsageError:
    """The error for a name that no catalogue holds: the nearest known name first, then all of them."""
    names = sorted(known)
    guess = nearest(word, names)
    meant = f" Did you mean {guess}?" if guess else ""
    return UsageError(f"Unknown {kind} {word!r}.{meant}", hint or f"Known: {', '.join(names)}")
