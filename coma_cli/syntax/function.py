"""The functions that the readers of all languages return."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CodeFunction:
    """A function from a file, dedented, with its documentation separate.

    `name` is qualified by its classes (`Point.size`); `header` is the signature alone; `code` the whole function with
    its decorators; `documentation` its docstring, or the comment directly above including comment markers (`prose_of`
    cleans it), "" if there is none. `lines` are the first and last line in the file, from 1, including documentation.
    `cuts` lists the spans (start and end as character offsets in `code`) of one-line statements that are worth
    completing. `empty` means that the body does nothing, or only reports that it is not implemented.
    """

    language: str
    name: str
    header: str
    code: str
    documentation: str
    lines: tuple[int, int]
    cuts: tuple[tuple[int, int], ...]
    empty: bool
