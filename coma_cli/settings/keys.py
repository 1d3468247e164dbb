"""Every key of a settings model with all that its field declares: what help and options are made of."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from coma_cli.flags import Flag, Kind, Unset

M = TypeVar("M")
_KINDS: Mapping[Any, str] = {bool: "true|false", int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True)
class SettingKey:
    """One setting: its dotted name, the plain type of its value, and what its field says of it.

    `default_text` is the default in words: what None or an empty list stands for, where the field says so, else the
    value as it is written in YAML or on the command line; empty where nothing happens by default.
    """

    name: str
    value_type: Any
    default: Any
    meaning: str
    kind: str
    default_text: str
    flags: tuple[Flag, ...]

    @property
    def block(self) -> str:
        """The dotted name of the block that it is in; empty at the top."""
        return self.name.rpartition(".")[0]

    @property
    def is_list(self) -> bool:
        """Whether its value is a list."""
        return get_origin(self.value_type) in (list, tuple)


def setting_keys(model: type[BaseModel]) -> tuple[SettingKey, ...]:
    """All settings of a model in their order, those of blocks by dotted names; every one of them has a default."""
    return tuple(_keys(model, model().model_dump(), ""))


def all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key of a settings model, blocks themselves and what is in them, with dots."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(f"{prefix}{name}")
        if (inner := block_of(field)) is not None:
            names.extend(all_keys(inner, f"{prefix}{name}."))
    return names


def blocks(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """The blocks of a model by dotted name, each with its first line of documentation."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if (inner := block_of(field)) is not None:
            found[f"{prefix}{name}"] = (inner.__doc__ or "").partition("\n")[0].rstrip(".")
            found |= blocks(inner, f"{prefix}{name}.")
    return found


def block_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a block of settings."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _keys(model: type[BaseModel], defaults: Mapping[str, Any], prefix: str) -> Iterator[SettingKey]:
    for name, field in sorted(model.model_fields.items(), key=_place):
        if (inner := block_of(field)) is not None:
            yield from _keys(inner, defaults[name], f"{prefix}{name}.")
        else:
            yield _key(f"{prefix}{name}", field, defaults[name])


def _place(item: tuple[str, FieldInfo]) -> tuple[bool, bool]:
    """What a model holds itself first, then its blocks, how it is run on this machine last."""
    name, field = item
    return block_of(field) is not None, name == "runtime"


def _key(name: str, field: FieldInfo, default: Any) -> SettingKey:
    value_type, kind, unset = plain_type(field.annotation), _marker(field, Kind), _marker(field, Unset)
    return SettingKey(
        name=name,
        value_type=value_type,
        default=default,
        meaning=field.description or "",
        kind=kind.text if kind else kind_of(value_type),
        default_text=unset.text if unset and default in (None, (), [], {}) else _text_of(default),
        flags=tuple(marker for marker in field.metadata if isinstance(marker, Flag)),
    )


def _marker(field: FieldInfo, kind: type[M]) -> M | None:
    return next((marker for marker in field.metadata if isinstance(marker, kind)), None)


def plain_type(annotation: Any) -> Any:
    """A type without what says that it may be None."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [part for part in get_args(annotation) if part is not type(None)]
        return kinds[0] if len(kinds) == 1 else Union[tuple(kinds)]  # noqa: UP007  # the parts are known here only
    return annotation


def kind_of(value_type: Any) -> str:
    """What a value of a type is, for a person: INT, a|b|c, INT,..."""
    origin, parts = get_origin(value_type), get_args(value_type)
    if origin is Literal:
        return "|".join(map(str, parts))
    if origin in (list, tuple):
        return f"{kind_of(plain_type(_unannotated(parts[0])))},..."
    if origin is dict:
        return f"{kind_of(parts[0])}={kind_of(parts[1])}"
    if origin in (Union, types.UnionType):
        return "|".join(kind_of(_unannotated(part)) for part in parts)
    return _KINDS.get(_unannotated(value_type), "TEXT")


def _unannotated(annotation: Any) -> Any:
    """A type without its annotations."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ",".join(_text_of(part) for part in value)
    return "" if value == {} else str(value)
