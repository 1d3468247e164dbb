"""The settings of a command as a page for a person, as JSON, and as a YAML file with comments."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import yaml
from pydantic import BaseModel

from coma_cli.commands.help_pages import write_rows
from coma_cli.settings import SettingKey, setting_keys
from coma_cli.settings.keys import blocks

_YAML_WIDTH = 118
_ONE_LINE = 1_000_000  # characters
_END = "...\n"  # after a YAML document that is one plain value


def as_page(command: str, model: type[BaseModel], formatter: Any) -> str:
    """One entry for each setting, by block; `formatter` is Click's, which knows the width of the terminal."""
    formatter.write(f"Settings of coma {command}, for --config FILE and --set KEY=VALUE.\n")
    about = blocks(model)
    for block, keys in groupby(setting_keys(model), key=lambda key: key.block):
        formatter.write(f"\n{block}: {about[block]}\n" if block else "\n")
        with formatter.indentation():
            write_rows([(f"{key.name} {key.kind}", _meaning(key)) for key in keys], formatter)
    return str(formatter.getvalue().rstrip())


def as_json(command: str, model: type[BaseModel]) -> dict[str, Any]:
    """What each setting's field declares, as plain values."""
    defaults = model().model_dump(mode="json")
    return {
        "command": command,
        "settings": [
            {
                "key": key.name,
                "type": key.kind,
                "default": _at(defaults, key.name),
                "default_means": key.default_text,
                "meaning": key.meaning,
                "options": [name for flag in key.flags if not flag.hidden for name in flag.names],
            }
            for key in setting_keys(model)
        ],
    }


def as_yaml(command: str, model: type[BaseModel]) -> str:
    """A complete settings file: every key with its default, its meaning in a comment above it."""
    lines = [f"# coma {command} --config FILE", "# Every setting with its default; delete what you do not change."]
    about, defaults = blocks(model), model().model_dump(mode="json")
    for block, keys in groupby(setting_keys(model), key=lambda key: key.block):
        if block:
            lines += ["", *_comment(about[block], block.count(".")), f"{_indent(block.count('.'))}{_leaf(block)}:"]
        for key in keys:
            lines += _yaml_entry(key, _at(defaults, key.name), key.name.count("."))
    return "\n".join(lines)


def _yaml_entry(key: SettingKey, default: Any, depth: int) -> Iterator[str]:
    empty = default in (None, [], {})
    notes = [key.kind, *([f"default: {key.default_text}"] if empty and key.default_text else [])]
    yield from _comment(f"{key.meaning} ({'; '.join(notes)})", depth)
    value = yaml.safe_dump(default, default_flow_style=True, allow_unicode=True, width=_ONE_LINE)
    yield f"{_indent(depth)}{_leaf(key.name)}: {value.removesuffix(_END).strip()}"


def _comment(text: str, depth: int) -> list[str]:
    start = f"{_indent(depth)}# "
    return textwrap.wrap(text, _YAML_WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)


def _meaning(key: SettingKey) -> str:
    """Meaning, default and options of a setting."""
    notes = [f"default: {key.default_text}"] if key.default_text else []
    notes += [flag.long_name for flag in key.flags if not flag.hidden]
    return f"{key.meaning}  [{'; '.join(notes)}]" if notes else key.meaning


def _indent(depth: int) -> str:
    return "  " * depth


def _leaf(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def _at(values: dict[str, Any], dotted: str) -> Any:
    found: Any = values
    for part in dotted.split("."):
        found = found[part]
    return found
