"""The Hugging Face Hub, within seconds, and which keys are set: never what they are, nor a part of them."""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from coma_cli.engines.openai_key import KEY_VARIABLE, flaw_of_key
from coma_cli.formats.fetching.web import is_offline
from coma_cli.formats.hub import hub_endpoint
from coma_cli.workbench.checkup.diagnosis import Diagnosis

AREA, KEYS = "network", "keys"
LONGEST_S = 5.0
_USES = {
    KEY_VARIABLE: "gen-instructions and sample with OpenAI's server",
    "OPENAI_ORG": "the organization to bill, where a key belongs to several",
    "HF_TOKEN": "gated and private repositories, and --push-to-hub",
    "WANDB_API_KEY": "--report-to wandb",
}
_NEEDED_BY_FEW = ("OPENAI_ORG", "WANDB_API_KEY")


class HubQuestion:
    """Whether the Hub answers, asked in the background; resolving a name can take longer than any timeout."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._reason: str | None = f"no answer within {longest_s:g} s"
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def start(self) -> "HubQuestion":
        """Begin to ask, unless the user has switched the network off."""
        if not is_offline():
            self._thread.start()
        return self

    def _ask(self) -> None:
        self._reason = _no_answer(hub_endpoint(), self._longest_s)

    def read(self) -> Diagnosis:
        """Wait for the answer, for as long as is allowed."""
        if is_offline():
            told = "offline mode is on: only what is in the cache is used"
            return Diagnosis(AREA, "hub", "note", told, "unset HF_HUB_OFFLINE TRANSFORMERS_OFFLINE", {"reached": False})
        self._thread.join(self._longest_s + 1.0)
        host, reason = _host(hub_endpoint()), self._reason
        data = {"reached": reason is None, "host": host}
        if reason is None:
            return Diagnosis(AREA, "hub", "ok", f"{host} answers", data=data)
        found = f"{host} can't be reached ({reason}); smollm2-135m, local folders and what is in the cache can be used"
        return Diagnosis(AREA, "hub", "note", found, "export HF_ENDPOINT=https://MIRROR", data)


def _host(endpoint: str) -> str:
    """The host of an address, without a user's name and password."""
    parts = urlsplit(endpoint)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.hostname or 'HF_ENDPOINT'}{port}"


def _no_answer(endpoint: str, longest_s: float) -> str | None:
    """Why there is no answer; None if there is one, whatever it says."""
    if urlsplit(endpoint).scheme not in ("http", "https"):
        return "HF_ENDPOINT is not an http or https address"
    request = urllib.request.Request(f"{endpoint}/api/models?limit=1", method="HEAD")  # noqa: S310  # checked above
    try:
        urllib.request.urlopen(request, timeout=longest_s).close()  # noqa: S310
    except urllib.error.HTTPError as answer:
        answer.close()
    except Exception as error:  # of many kinds; their texts may hold parts of the address, which may hold a password
        cause = getattr(error, "reason", error)
        return (getattr(cause, "strerror", None) or type(cause).__name__).lower()
    return None


def diagnose_keys(environment: Mapping[str, str] = os.environ) -> Iterator[Diagnosis]:
    """Which keys are set."""
    for name, use in _USES.items():
        value = environment.get(name)
        if value is not None and not value.strip():
            yield Diagnosis(KEYS, name, "warning", "set, and empty", f"unset {name}", {"set": False})
        elif value is not None and name == KEY_VARIABLE and (flaw := flaw_of_key()) is not None:
            yield Diagnosis(KEYS, name, "warning", "set, and has a character that no key has", flaw.hint, {"set": True})
        elif value is not None:
            yield Diagnosis(KEYS, name, "ok", "set", data={"set": True})
        elif name == "HF_TOKEN" and _has_stored_token(environment):
            yield Diagnosis(KEYS, name, "ok", "stored by hf auth login", data={"set": True})
        elif name not in _NEEDED_BY_FEW:
            yield Diagnosis(KEYS, name, "note", f"not set ({use})", f"export {name}=...", {"set": False})


def _has_stored_token(environment: Mapping[str, str]) -> bool:
    """Whether the Hub's client has kept a token; only the size of its file is looked at."""
    home = environment.get("HF_HOME") or Path(environment.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    path = Path(environment.get("HF_TOKEN_PATH") or Path(home, "token"))
    try:
        return path.expanduser().stat().st_size > 0
    except (OSError, RuntimeError):
        return False
