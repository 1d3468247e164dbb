"""Fetches one file of a data set from the Hugging Face hub, through its own client and cache."""

import logging
from pathlib import Path

from coma_cli.errors import MissingInputError


def fetch(repository: str, file: str, revision: str, hint: str) -> Path:
    """The local path of a data set's file; `HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` are honoured.

    Raises:
        MissingInputError: it is neither in the cache nor reachable, or there is no hub client; `hint` says what to do.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        missing = "the package huggingface_hub is not installed"
        raise MissingInputError(f"{file} of {repository} can't be fetched: {missing}.", hint) from None
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of each of its five tries; one error at the end says it all
    try:
        return Path(hf_hub_download(repository, file, repo_type="dataset", revision=revision))
    except Exception as error:  # the client raises its HTTP library's own errors too, and that library changes
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise MissingInputError(f"{file} of {repository} can't be fetched: {reason[:200]}", hint) from error
    finally:
        log.setLevel(level)
