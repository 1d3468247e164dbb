"""What identifies the model behind a server, kept with a run: its URL, what the server says, and whether to ask again.

Two models served one after the other under one name would share answers if the name alone counted.
"""

from dataclasses import dataclass
from typing import Any

from coma_cli.engines.openai_engine import address
from coma_cli.engines.openai_models import described_model
from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.jsonl import read_json, sha256_of, write_json
from coma_cli.workspace import Run
from coma_cli.workspace.run import now

SERVER_FILE = "server.json"


@dataclass(frozen=True)
class ServedModel:
    """The URL of a server, its own description of the model (None if it gives none), and when `--force` was given.

    The time is part of it, so that answers from before do not count, also when the forced run is resumed.
    """

    url: str
    described: dict[str, Any] | None
    forced: str

    @property
    def identity(self) -> str:
        """What tells its answers from those of other servers."""
        return sha256_of([self.url, self.described, self.forced])

    def facts(self) -> dict[str, Any]:
        """As the manifest records it."""
        return {"url": self.url, "model": self.described}


def served_model(run: Run, settings: SampleSettings) -> ServedModel:
    """The model that a run samples: as its first process found it.

    Raises:
        UsageError: the server has another model under that name by now.
    """
    url, path = str(settings.url), run.path / SERVER_FILE
    described = described_model(str(settings.model), address(settings.runtime), settings.runtime)
    if not path.exists():
        found = ServedModel(url, described, now() if run.forced else "")
        write_json(path, {"url": found.url, "described": found.described, "forced": found.forced})
        return found
    before = ServedModel(**read_json(path))
    if described is not None and before.described is not None and described != before.described:
        raise UsageError(
            f"The server has another model named {settings.model} now: {_difference(before.described, described)}.",
            "Sample it into another run with --name, or discard these rows with --force.",
        )
    return before


def stored_facts(run: Run) -> dict[str, Any]:
    """What was found out about the server of a run by an earlier process; empty if there is no server."""
    path = run.path / SERVER_FILE
    return {"server": ServedModel(**read_json(path)).facts()} if path.exists() else {}


def _difference(before: dict[str, Any], now_there: dict[str, Any]) -> str:
    names = sorted(name for name in before.keys() | now_there.keys() if before.get(name) != now_there.get(name))
    return "; ".join(f"{name} was {before.get(name)!r}, now {now_there.get(name)!r}" for name in names)
