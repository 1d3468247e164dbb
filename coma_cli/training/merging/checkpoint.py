"""What is known of an adapter in a checkpoint of finetune: its base and its template, which the run's settings name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.jsonl import read_json
from coma_cli.models.base_record import BaseRecord
from coma_cli.models.resolution import ResolvedBase
from coma_cli.prompting import PromptTemplate, choose_template
from coma_cli.training.modes import MODES

_SETTINGS = "settings.json"


def header_of(folder: Path) -> dict[str, Any] | None:
    """The settings and inputs of the finetune run that a checkpoint's folder belongs to; None for other folders."""
    for run in folder.absolute().parents[1:2]:
        header = read_json(run / _SETTINGS) if (run / _SETTINGS).is_file() else None
        if isinstance(header, dict) and header.get("command") == "finetune":
            return header
    return None


def record_of(header: Mapping[str, Any], named: str) -> BaseRecord:
    """What finetune would store beside the adapter; `named` is the base's name in peft's configuration."""
    settings = header["settings"]
    identity = next(entry["content_sha256"] for entry in header["inputs"] if entry["name"] == "base")
    mode = MODES.get(settings["mode"])
    return BaseRecord(
        name=settings["base"],
        published_name=named,
        revision=settings["revision"],
        content_sha256=identity,
        four_bit=mode is not None and mode.four_bit,
        dtype=_dtype(settings),
        eight_bit=mode is not None and mode.eight_bit,
    )


def _dtype(settings: dict[str, Any]) -> str:
    from coma_cli.models.loading import choose_placement

    return choose_placement(settings["runtime"]["device"], settings["dtype"], training=True).dtype_name


def template_of(header: Mapping[str, Any], resolved: ResolvedBase, tokenizer: Any) -> PromptTemplate:
    """The template of the run, chosen as finetune chooses it.

    Raises:
        UsageError: it is not a template any more. MissingInputError: its file is gone.
    """
    choice = header["settings"]["template"]
    stored = PromptTemplate.load(Path(resolved.path_or_id)) if resolved.kind == "folder" else None
    if choice == "auto" and stored is None and resolved.entry is not None:
        return choose_template(resolved.entry.template, tokenizer)
    return choose_template(choice, tokenizer, stored)
