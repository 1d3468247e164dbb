"""Where the values of settings come from: defaults, then a YAML file, then `--set a.b=c`, then flags."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from coma_cli.errors import MissingInputError, UsageError, nearest
from coma_cli.settings.keys import all_keys, block_of, setting_keys

S = TypeVar("S", bound=BaseModel)


def load_settings(
    model: type[S],
    *,
    config: Path | None = None,
    assignments: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    command: str = "COMMAND",
) -> S:
    """Settings from all four places; `flags` holds dotted names, those that are None were not given.

    `command` is whose settings they are, for the hint.

    Raises:
        UsageError: unknown keys or bad values, all of them in one message, each with the nearest known key.
        MissingInputError: the YAML file is not there.
    """
    merged: dict[str, Any] = {}
    alternatives: Sequence[Set[str]] = getattr(model, "ALTERNATIVES", ())
    in_file = (_read_yaml(config) if config else {}).items()
    given = [(name, value) for name, value in (flags or {}).items() if value is not None]
    for place in ([(str(name), value) for name, value in in_file], map(_split_assignment, assignments), given):
        assigned = list(place)
        _drop_alternatives(merged, {name for name, _ in assigned}, alternatives)
        for name, value in assigned:
            _assign(merged, name, value)
    problems = _key_problems(model, merged, all_keys(model))
    try:
        settings = model.model_validate(_without(merged, problems)) if problems else model.model_validate(merged)
    except ValidationError as error:
        options = _options_given(model, flags or {})
        problems.update({_dotted(e["loc"]): f"{_named(e['loc'], options)}: {_plain(e)}" for e in error.errors()})
    if problems:
        listed = "\n  ".join(problems.values())
        raise UsageError(f"Invalid settings:\n  {listed}", f"coma settings {command} lists all keys.")
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
            f"{path}{where} is not valid YAML: {reason}.", "Fix that line; settings are written as `key: value`."
        ) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{path} contains a {type(value).__name__}, not settings.", "Write `key: value` lines.")
    return value


def _split_assignment(assignment: str) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    if not equals or not name:
        raise UsageError(f"--set takes KEY=VALUE, not {assignment!r}.", "For example: --set seed=1")
    try:
        return name.strip(), yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return name.strip(), text


class _Loader(yaml.SafeLoader):
    """Plain values only; a repeated key is an error, where YAML's own reader lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} appears twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _drop_alternatives(merged: dict[str, Any], names: Set[str], alternatives: Sequence[Set[str]]) -> None:
    """Remove what a weaker place set in the stead of one of these names."""
    for group in alternatives:
        for dotted in group - names if group & names else ():
            *blocks, leaf = dotted.split(".")
            target: Any = merged
            for block in blocks:
                target = target.get(block) if isinstance(target, dict) else None
            if isinstance(target, dict):
                target.pop(leaf, None)


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
    """A message by dotted name for every key that the model does not have, and every misplaced true or false."""
    problems: dict[str, str] = {}
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        if key not in model.model_fields:
            guess = _meant(model, str(key), known, prefix)
            problems[dotted] = f"{dotted}: unknown key" + (f"; did you mean {guess}?" if guess else "")
            continue
        field = model.model_fields[key]
        if (inner := block_of(field)) is not None and isinstance(value, dict):
            problems.update(_key_problems(inner, value, known, f"{dotted}."))
        elif isinstance(value, bool) and not _takes_truth(field.annotation):  # would pass for 1 or 0
            problems[dotted] = f"{dotted}: yes, no, true and false are not valid here (got {value!r})"
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


def _without(values: Mapping[str, Any], dotted_names: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if f"{prefix}{key}" not in dotted_names:
            kept[key] = _without(value, dotted_names, f"{prefix}{key}.") if isinstance(value, dict) else value
    return kept


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "settings"


def _options_given(model: type[BaseModel], flags: Mapping[str, Any]) -> dict[str, str]:
    """By dotted name how the user called a setting that was given as an option."""
    return {
        key.name: key.flags[0].names[0] for key in setting_keys(model) if key.flags and flags.get(key.name) is not None
    }


def _named(location: tuple[int | str, ...], options: Mapping[str, str]) -> str:
    """The dotted name of a value, with the option by which it was given."""
    dotted = _dotted(location)
    option = next((option for name, option in options.items() if f"{dotted}.".startswith(f"{name}.")), None)
    return f"{dotted} ({option})" if option else dotted


def _plain(error: Any) -> str:
    return f"{str(error['msg']).removeprefix('Value error, ')} (got {error.get('input')!r})"
