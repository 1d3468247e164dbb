"""The options that the fields of a settings model declare, as typer parses them, and back to settings.

A setting's field is the only place where its option is written down (see `coma_cli.flags`): name, type, meaning and
default of an option can't differ from those of the YAML key.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_origin

import typer

from coma_cli.commands.shared import DEFAULT_WORKSPACE
from coma_cli.errors import UsageError
from coma_cli.flags import Completer, Flag
from coma_cli.settings.keys import SettingKey


def parameters_of(keys: Sequence[SettingKey]) -> list[inspect.Parameter]:
    """One keyword parameter for each option, annotated for typer; None or False where it is not given."""
    return [
        inspect.Parameter(
            parameter_name(key, flag),
            inspect.Parameter.KEYWORD_ONLY,
            default=False if is_switch(key, flag) else None,
            annotation=_annotation(key, flag),
        )
        for key in keys
        for flag in key.flags
    ]


def values_given(keys: Sequence[SettingKey], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given as options, by dotted name; `given` holds each option by its parameter's name.

    Raises:
        UsageError: two options that exclude each other, an empty list, or an assignment without a name or a value.
    """
    values: dict[str, Any] = {}
    for key in keys:
        chosen: dict[str, Any] = {}
        for flag in key.flags:
            value = _value(key, flag, given[parameter_name(key, flag)])
            if value is not None:
                chosen[flag.long_name] = value
        if chosen:
            values[key.name] = _only(chosen)
    return values


def is_switch(key: SettingKey, flag: Flag) -> bool:
    """Whether an option takes no value: it stands for one, or turns on what is off by default."""
    return flag.sets is not None or (key.value_type is bool and key.default is False)


def parameter_name(key: SettingKey, flag: Flag) -> str:
    """The name of an option's parameter: the setting's, and the option's own where it is not the first one."""
    name = key.name.replace(".", "__")
    return name if flag is key.flags[0] else f"{name}_{flag.long_name.strip('-').replace('-', '_')}"


def metavar_of(key: SettingKey, flag: Flag) -> str:
    """What the value of an option is; empty for a switch."""
    if is_switch(key, flag):
        return ""
    return "on|off" if key.value_type is bool else key.kind


def help_of(key: SettingKey, flag: Flag) -> str:
    """Meaning and default of an option in one line."""
    meaning = flag.help or key.meaning
    default = {"true": "on", "false": "off"}.get(key.default_text, key.default_text)
    shown = f"  [default: {default}]" if default and not is_switch(key, flag) else ""
    return f"{meaning}{' (repeatable)' if flag.repeat else ''}{shown}"


def _annotation(key: SettingKey, flag: Flag) -> Any:
    option = typer.Option(
        *flag.names,
        metavar=metavar_of(key, flag) or None,
        help=help_of(key, flag),
        show_default=False,
        hidden=flag.hidden,
        rich_help_panel=flag.panel,
        autocompletion=_completion(key, flag),
    )
    if is_switch(key, flag):
        return Annotated[bool, option]
    if flag.repeat:
        return Annotated[list[str] | None, option]
    number = key.value_type if key.value_type in (int, float) else str
    return Annotated[number | None, option]


def _value(key: SettingKey, flag: Flag, given: Any) -> Any:
    """The setting's value; None where the option was not given."""
    if is_switch(key, flag):
        return (True if flag.sets is None else flag.sets) if given else None
    if given is None or (flag.repeat and not given):
        return None
    if get_origin(key.value_type) is dict:
        return _assigned(key, flag, parsed_list(flag.long_name, ",".join(given)) if flag.split else given)
    return parsed_list(flag.long_name, ",".join(given) if flag.repeat else given) if flag.split else given


def _only(chosen: Mapping[str, Any]) -> Any:
    """The one value of a setting, whichever of its options it was given by.

    Raises:
        UsageError: two options give it different values.
    """
    first, *others = chosen
    if any(chosen[other] != chosen[first] for other in others):
        raise UsageError(f"{' and '.join(chosen)} exclude each other.", f"Keep one of them: {first}")
    return chosen[first]


def parsed_list(option: str, text: str) -> list[str]:
    """The comma-separated value of an option as a list.

    Raises:
        UsageError: it is empty, as when a variable of the shell is.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{option} is an empty list: {text!r}.", "Separate values by commas, or omit the option.")
    return parts


def _assigned(key: SettingKey, flag: Flag, assignments: Iterable[str]) -> dict[str, str]:
    """Several `NAME=VALUE` as one mapping."""
    pairs = [assignment.partition("=") for assignment in assignments]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise UsageError(
                f"{flag.long_name} takes {key.kind}, not {name + equals + value!r}.",
                f"For example: {flag.long_name} mbpp=mbpp.jsonl",
            )
    return {name: value for name, _, value in pairs}


def _completion(key: SettingKey, flag: Flag) -> Any:
    """What typer calls to complete a value: the names the flag knows, or the choices of the setting's type."""
    names = flag.complete or _choices(key, flag)
    if names is None:
        return None

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",") if flag.split else ("", "", "")
        workspace = Path(context.params.get("workspace") or DEFAULT_WORKSPACE)
        return [f"{before}{comma}{name}" for name in names(workspace)]

    return complete


def _choices(key: SettingKey, flag: Flag) -> Completer | None:
    """The values of a setting that takes one of a few words."""
    words = [word for word in metavar_of(key, flag).split("|") if word and word == word.lower()]
    return (lambda _: words) if words else None
