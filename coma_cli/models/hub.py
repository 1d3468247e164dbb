"""Looks up a model on the Hugging Face Hub without downloading its weights.

The local cache is checked first, then the Hub. huggingface_hub makes the requests and respects `HF_ENDPOINT`,
`HF_HOME`, `HF_HUB_OFFLINE` and `HF_TOKEN`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import CliError, MissingInputError, missing_package
from coma_cli.models.safetensors_header import tensor_shapes
from coma_cli.words import shortened

TIMEOUT_S = 10.0
DEFAULT_REVISION = "main"


@dataclass(frozen=True)
class HubAnswer:
    """The commit that a name currently refers to, whether its weights are only pickled, and what prevents its use."""

    commit: str | None = None
    only_pickled: bool = False
    blocker: CliError | None = None


def ask_hub(hub_id: str, revision: str | None) -> HubAnswer:
    """What the cache or the Hub says about a model; an unreachable Hub is a blocker, not an exception."""
    try:
        return cached(hub_id, revision) or _asked(hub_id, revision)
    except ImportError:
        return HubAnswer(blocker=missing_package("huggingface_hub", f"Fetching {hub_id}"))


def cached(hub_id: str, revision: str | None) -> HubAnswer | None:
    """The answer from cached files; None unless configuration and weights are among them."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json", revision=revision or DEFAULT_REVISION)
    if not isinstance(config, str):
        return None
    snapshot = Path(config).parent
    names = [path.name for path in snapshot.iterdir()]
    if not _is_whole(snapshot, names):
        return None
    return HubAnswer(snapshot.name, _only_pickled(names))


def _is_whole(snapshot: Path, names: Iterable[str]) -> bool:
    """Whether all weights are present; an index lists the required shards."""
    from coma_cli.jsonl import read_json

    for index in snapshot.glob("*.index.json"):
        shards = set(read_json(index).get("weight_map", {}).values())
        return bool(shards) and all((snapshot / shard).exists() for shard in shards)
    return any(name.endswith((".safetensors", ".bin")) for name in names)


def _only_pickled(names: Iterable[str]) -> bool:
    listed = list(names)
    pickled = any(name.startswith("pytorch_model") and name.endswith(".bin") for name in listed)
    return pickled and not any(name.endswith(".safetensors") for name in listed)


def _asked(hub_id: str, revision: str | None) -> HubAnswer:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi().model_info(hub_id, revision=revision, timeout=TIMEOUT_S)
    except GatedRepoError:
        return _blocker(f"{hub_id} is gated.", "Request access on its page on the Hugging Face Hub, then set HF_TOKEN.")
    except RepositoryNotFoundError:
        return _blocker(
            f"The Hugging Face Hub has no model {hub_id} that you can read.",
            "Check the name; private models need HF_TOKEN.",
        )
    except RevisionNotFoundError:
        return _blocker(f"{hub_id} has no revision {revision}.", "Check --revision.")
    except HFValidationError as error:
        return _blocker(f"{hub_id} is not a model name: {error}.", "Give a folder, or a Hub id like owner/model.")
    except (OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        return _blocker(
            f"{hub_id} is not in the cache, and the Hugging Face Hub can't be reached ({_short(error)}).", _FETCH
        )
    except Exception as error:  # huggingface_hub has changed its HTTP client before, and with it the errors
        if type(error).__module__.split(".")[0] not in {"httpx", "httpx2", "httpcore", "httpcore2", "requests"}:
            raise
        return _blocker(
            f"{hub_id} is not in the cache, and the Hugging Face Hub can't be reached ({_short(error)}).", _FETCH
        )
    names = [sibling.rfilename for sibling in info.siblings or ()]
    return HubAnswer(info.sha, _only_pickled(names))


_FETCH = "Download the model on another machine and give its folder; or set HF_ENDPOINT to a mirror."


def _blocker(message: str, hint: str) -> HubAnswer:
    return HubAnswer(blocker=MissingInputError(message, hint))


def _short(error: BaseException) -> str:
    first = next(iter(str(error).splitlines()), "")
    return shortened(f"{type(error).__name__}: {first}".rstrip(": "), 160)


def weight_count(hub_id: str, revision: str | None) -> int | None:
    """How many weights a model's safetensors files hold, from their headers: cached ones, else those on the Hub.

    None if there are no such files or they can't be read now.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json", revision=revision or DEFAULT_REVISION)
    files = list(Path(config).parent.glob("*.safetensors")) if isinstance(config, str) else []
    try:
        if files:
            return sum(math.prod(shape) for path in files for shape in tensor_shapes(path).values())
        return sum(HfApi().get_safetensors_metadata(hub_id, revision=revision).parameter_count.values())
    except Exception:  # of many kinds: network, access, no such files, another format; the size is only an estimate
        return None
