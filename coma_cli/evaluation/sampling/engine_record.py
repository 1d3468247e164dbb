"""What the first start of a run found out about its engine, kept so that every later start does the same."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from coma_cli.errors import CliError
from coma_cli.jsonl import read_json, write_json

ENGINE_FILE = "engine.json"


class EngineRecord(BaseModel):
    """The dtype that `--dtype auto` came to, how rows are computed, and versions of the engine's own parts.

    `threads` is their number if that decides bits.
    """

    dtype: str
    path: str
    threads: int | None = None
    versions: dict[str, str] = {}

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The record in a run's folder; None if there is no readable one."""
        try:
            return cls.model_validate(read_json(folder / ENGINE_FILE))
        except (CliError, ValidationError):
            return None

    def save(self, folder: Path) -> None:
        """Write the record."""
        write_json(folder / ENGINE_FILE, self.model_dump())
