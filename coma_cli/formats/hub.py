"""Sources from the Hugging Face hub: data files only, in the hub client's cache; loading scripts are never run."""

from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import MissingInputError, missing_package

_HINT = "Use --from-repo stdlib (or a folder of code), or --sources DIR with files that are already here."


@dataclass(frozen=True)
class HubForm:
    """Where the Hugging Face hub keeps a source as plain data files; loading scripts are never run."""

    repository: str
    revision: str
    patterns: tuple[str, ...]


def fetched_source(form: HubForm) -> Path | None:
    """The folder that holds a source's files where the hub client's cache has them; nothing is fetched."""
    try:
        from huggingface_hub import snapshot_download

        return Path(
            snapshot_download(
                form.repository,
                repo_type="dataset",
                revision=form.revision,
                allow_patterns=list(form.patterns),
                local_files_only=True,
            )
        )
    except Exception:  # not in the cache, or no client: either way it is not here
        return None


def fetch_source(form: HubForm) -> Path:
    """The folder that holds a source's files; `HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` are honoured.

    Raises:
        MissingInputError: the files are neither in the cache nor can the hub be reached.
        MissingPackageError: the hub's client is not installed.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise missing_package("datasets", "--sources hub") from None
    try:
        return Path(
            snapshot_download(
                form.repository, repo_type="dataset", revision=form.revision, allow_patterns=list(form.patterns)
            )
        )
    except Exception as error:  # the client raises its HTTP library's own errors too, and that library changes
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise MissingInputError(f"{form.repository} can't be fetched from the hub: {reason[:200]}", _HINT) from error
