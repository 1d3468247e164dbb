"""What was read from the files of a base that the catalogue does not know, for people."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.models.model_files import ModelFiles
from coma_cli.models.resolution import ResolvedBase

# Configuration keys for the number of positions that a model supports.
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len")
_LICENCE = re.compile(r"\A---\n(?:.*\n)*?license:[ \t]*(\S+)")


def configuration(resolved: ResolvedBase) -> Mapping[str, Any]:
    """The base's `config.json`; empty if its files are not available."""
    files = _files(resolved)
    return {} if files is None else files.json("config.json")


def described(resolved: ResolvedBase) -> str | None:
    """One line on a base outside the catalogue: its shape, special tokens, template and licence; None for others."""
    files = None if resolved.entry is not None else _files(resolved)
    if files is None:
        return None
    config, tokenizer = files.json("config.json"), files.json("tokenizer_config.json")
    template = "chat_template" in tokenizer or files.find("chat_template.jinja") is not None
    parts = [
        *_shape(config),
        *(f"{kind} token {_token(tokenizer.get(f'{kind}_token'))}" for kind in ("eos", "pad")),
        "a chat template" if template else "no chat template",
        f"licence {_licence(files.find('README.md'))}",
    ]
    return f"Read from the files of {resolved.name}: {', '.join(parts)}."


def _files(resolved: ResolvedBase) -> ModelFiles | None:
    if resolved.kind == "embedded" or (resolved.kind == "hub" and resolved.blocker is not None):
        return None
    return ModelFiles.at(resolved.name, resolved.path_or_id, resolved.revision)


def _shape(config: Mapping[str, Any]) -> list[str]:
    names = config.get("architectures") or [config.get("model_type", "unknown architecture")]
    context = next((config[name] for name in CONTEXT_KEYS if isinstance(config.get(name), int)), None)
    given = {
        "layers": config.get("num_hidden_layers"),
        "wide": config.get("hidden_size"),
        "tokens of vocabulary": config.get("vocab_size"),
        "of context": context,
    }
    return [str(names[0]), *(f"{value:,} {what}" for what, value in given.items() if isinstance(value, int))]


def _token(token: Any) -> str:
    """A special token as it is written in a tokenizer's configuration, or "none"."""
    text = token.get("content") if isinstance(token, dict) else token
    return repr(text) if isinstance(text, str) and text else "none"


def _licence(card: Path | None) -> str:
    found = _LICENCE.match(card.read_text("utf-8", errors="replace")) if card else None
    return f"{found[1]} (its model card)" if found else "not stated"
