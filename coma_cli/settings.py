"""Settings of a command: defaults, then a YAML file, then `--set a.b=c`, then flags; unknown keys are errors.

A settings model says three things about its fields. The `runtime` block (workers, device, log cadence) changes how
the work is done, never a row. The *extent* fields say only how much of it is done: raising one continues the same
run. Everything else is the identity of the run and goes into its fingerprint.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coma_cli.errors import MissingInputError, UsageError, nearest

MOST_SEED = 2**32 - 1  # numpy's, which transformers seeds as well
SETTINGS_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Runtime(BaseModel):
    """How the work is done on this machine; never part of what it is."""

    model_config = SETTINGS_CONFIG

    workers: int | None = Field(
        default=None, ge=1, description="Worker processes; default: the cores this process may use."
    )
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N.")


class StageSettings(BaseModel):
    """What every command's settings share; subclasses add fields, and name their extent fields in `EXTENT`."""

    model_config = SETTINGS_CONFIG

    EXTENT: ClassVar[frozenset[str]] = frozenset()

    seed: int = Field(
        default=0, ge=0, le=MOST_SEED, description="The run's seed; each row's own seed is derived from it."
    )
    runtime: Runtime = Runtime()

    def extent(self) -> dict[str, Any]:
        """The settings that say how much is done."""
        return self.model_dump(mode="json", include=set(self.EXTENT))

    def identity(self) -> dict[str, Any]:
        """The settings that change what a row is: all but the runtime block and the extent."""
        return self.model_dump(mode="json", exclude={"runtime", *self.EXTENT})


S = TypeVar("S", bound=BaseModel)


def load_settings(
    model: type[S],
    *,
    config: Path | None = None,
    assignments: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> S:
    """Settings from all four places; `flags` holds dotted names, those that are None were not given.

    Raises:
        UsageError: unknown keys or bad values, all of them in one message, each with the nearest known key.
        MissingInputError: the YAML file is not there.
    """
    merged: dict[str, Any] = {}
    for name, value in (_read_yaml(config) if config else {}).items():
        _assign(merged, str(name), value)
    for assignment in assignments:
        name, value = _split_assignment(assignment)
        _assign(merged, name, value)
    for name, value in (flags or {}).items():
        if value is not None:
            _assign(merged, name, value)
    problems = _key_problems(model, merged, all_keys(model))
    try:
        settings = model.model_validate(_without(merged, problems)) if problems else model.model_validate(merged)
    except ValidationError as error:
        problems.update({_dotted(e["loc"]): f"{_dotted(e['loc'])}: {_plain(e)}" for e in error.errors()})
    if problems:
        raise UsageError(
            "Bad settings:\n  " + "\n  ".join(problems.values()), "See the keys with --help, or fix the --config file."
        )
    return settings


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingInputError(f"There is no settings file {path}.", "Check --config.")
    try:
        value = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)  # noqa: S506  # a SafeLoader
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: {error}.", "Save it as UTF-8.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise UsageError(
            f"{path}{where} is not valid YAML: {reason}.", "Fix that line; keys are `name: value`."
        ) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{path} holds a {type(value).__name__}, not settings.", "Write `name: value` lines.")
    return value


def _split_assignment(assignment: str) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    if not equals or not name:
        raise UsageError(f"--set takes name=value, not {assignment!r}.", "For example: --set lora.r=16")
    try:
        return name.strip(), yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return name.strip(), text


class _Loader(yaml.SafeLoader):
    """Plain values only; a key that is there twice is an error, where YAML's own reader lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _assign(target: dict[str, Any], dotted: str, value: Any) -> None:
    *blocks, leaf = dotted.split(".")
    for block in blocks:
        inner = target.setdefault(block, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{block} in {dotted} is a value, not a block.", f"Set {block} itself, or remove it.")
        target = inner
    target[leaf] = value


def _key_problems(
    model: type[BaseModel], values: Mapping[str, Any], known: Sequence[str], prefix: str = ""
) -> dict[str, str]:
    """By dotted name a message for every key that the model does not have, and every truth value that is no answer."""
    problems: dict[str, str] = {}
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        if key not in model.model_fields:
            guess = _meant(model, str(key), known, prefix)
            problems[dotted] = f"{dotted}: unknown key" + (f"; did you mean {guess}?" if guess else "")
            continue
        inner = model.model_fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(value, dict):
            problems.update(_key_problems(inner, value, known, f"{dotted}."))
        elif isinstance(value, bool) and not _takes_truth(inner):  # would pass for 1 or 0
            problems[dotted] = f"{dotted}: yes, no, true and false are no value here (got {value!r})"
    return problems


def _meant(model: type[BaseModel], key: str, known: Sequence[str], prefix: str) -> str | None:
    """The dotted name that an unknown key most likely meant: in its own block, else anywhere by its last part.

    A key of a block that begins with the whole name of another one counts as close ("rank" for "r").
    """
    siblings = all_keys(model)
    if (guess := nearest(key, siblings)) is not None:
        return f"{prefix}{guess}"
    if prefix and (begins := [name for name in siblings if key.startswith(name)]):
        return f"{prefix}{max(begins, key=len)}"
    by_leaf = {name.rpartition(".")[2]: name for name in known}
    guess = nearest(key, by_leaf)
    return by_leaf[guess] if guess else None


def _takes_truth(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(map(_takes_truth, get_args(annotation)))


def all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key of a settings model, blocks with dots."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(f"{prefix}{name}")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys.extend(all_keys(field.annotation, f"{prefix}{name}."))
    return keys


def _without(values: Mapping[str, Any], dotted_names: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if f"{prefix}{key}" not in dotted_names:
            kept[key] = _without(value, dotted_names, f"{prefix}{key}.") if isinstance(value, dict) else value
    return kept


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "settings"


def _plain(error: Any) -> str:
    return f"{str(error['msg']).removeprefix('Value error, ')} (got {error.get('input')!r})"
