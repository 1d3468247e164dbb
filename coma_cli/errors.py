"""What can go wrong, as one tree; the command line catches its root in one place and exits with the class's code.

    CliError                     1   the work failed
    ├── UsageError               2   an option, a settings key or a combination that makes no sense
    ├── MissingInputError        3   a file, artifact, benchmark or model that is not there, or is only half there
    ├── MissingPackageError      4   a package that this command needs is not installed
    ├── BudgetReachedError       5   stopped at the user's own limit; the same command goes on
    └── BelowThresholdError      6   the work is done, and the number is below `--fail-under`

Every error is one message for a person and one hint that can be typed or changed. Anything else that escapes a
command is a bug and keeps its traceback. Interruption (Ctrl-C) is no error of ours: it exits with 130.
"""

import difflib
import errno
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

INTERRUPTED_EXIT_CODE = 130


class CliError(Exception):
    """The work failed for a reason that the user can act upon."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["CliError"], tuple[str, str]]:
        """How an error of a worker process travels to the one that started it."""
        return type(self), (self.message, self.hint)


class UsageError(CliError):
    """The command, its options or its settings can't be used as given."""

    exit_code: ClassVar[int] = 2


class MissingInputError(CliError):
    """Something that the command reads is missing, unfinished or empty."""

    exit_code: ClassVar[int] = 3


class MissingPackageError(CliError):
    """An optional package is needed and absent; the hint is the pip line that brings it."""

    exit_code: ClassVar[int] = 4


class BudgetReachedError(CliError):
    """Stopped at a limit that the user set; nothing is lost and the same command continues."""

    exit_code: ClassVar[int] = 5


class BelowThresholdError(CliError):
    """The result is complete but below the threshold that the user asked for."""

    exit_code: ClassVar[int] = 6


# Which extra of this distribution brings which importable package.
PACKAGE_EXTRAS: Mapping[str, str] = {
    "torch": "train",
    "transformers": "train",
    "peft": "train",
    "accelerate": "train",
    "bitsandbytes": "train",
    "datasets": "train",
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


# How libraries say it in a plain RuntimeError: torch's CPU allocator, its mapping of files, CUDA's runtime, oneDNN; and
# the dynamic loader, in an ImportError.
_MEMORY_WORDS = ("can't allocate memory", "cannot allocate memory", "out of memory", "could not create a primitive")
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


@contextmanager
def memory_named(what: str, hint: str) -> Iterator[None]:
    """Turn what libraries raise for want of memory into an error that says what did not fit and what would.

    Raises:
        CliError: `what` does not fit into memory.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        first = (str(error).splitlines() or [""])[0][:160]
        detail = f": {first}" if first else ""
        raise CliError(f"{what} does not fit into memory{detail}", hint) from error


def package_blocker(error: ImportError, package: str, purpose: str) -> CliError:
    """The error for an import that failed: a package that is absent, one that is broken, or memory that ran out."""
    if is_out_of_memory(error):
        return CliError(f"{purpose} does not fit into memory: {error}", "End other programs, or take a larger machine.")
    if isinstance(error, ModuleNotFoundError):
        absent = (error.name or package).partition(".")[0]
        if absent in PACKAGE_EXTRAS:
            return missing_package(absent, purpose)
        return MissingPackageError(  # one that every installation has, under whatever name it is published
            f"{purpose} needs the package {absent}, which is not installed.", "pip install --force-reinstall coma-cli"
        )
    extra = PACKAGE_EXTRAS.get(package)
    requirement = f"'coma-cli[{extra}]'" if extra else package
    return MissingPackageError(
        f"{purpose} needs the package {package}, which can't be imported: {str(error).splitlines()[0][:200]}",
        f"pip install --force-reinstall {requirement}",
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely meant, or None if nothing comes close."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def unknown_name(kind: str, word: str, known: Iterable[str], *, hint: str | None = None) -> UsageError:
    """The error for a name that no catalogue holds: the nearest known name first, then all of them."""
    names = sorted(known)
    guess = nearest(word, names)
    meant = f" Did you mean {guess}?" if guess else ""
    return UsageError(f"Unknown {kind} {word!r}.{meant}", hint or f"Known: {', '.join(names)}")
