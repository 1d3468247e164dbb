"""A command function with all its options in its signature, which is where typer reads them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coma_cli.commands.setting_options import parameters_of, values_given
from coma_cli.commands.shared import SHARED_OPTIONS, Flags, Shared, shared_of
from coma_cli.settings import SettingKey


def with_options(
    function: Callable[[Shared, Flags], None],
    keys: Sequence[SettingKey],
    more: Mapping[str, tuple[Any, Any]] | None = None,
) -> Callable[..., None]:
    """A command function as typer reads it: its signature has the options of the settings and the shared ones.

    `more` are options that are not settings, as annotation and default by name; they are handed on with the flags.
    """
    others = more or {}

    def run(**given: Any) -> None:
        function(shared_of(given), {**values_given(keys, given), **{name: given[name] for name in others}})

    own = parameters_of(keys)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in {**SHARED_OPTIONS, **others}.items()
    ]
    parameters = [*shared, *own]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
