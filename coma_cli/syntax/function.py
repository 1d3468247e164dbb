"""A function as it is found in code: what the readers of all languages give."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CodeFunction:
    """A function as it stands in its file, moved to the left margin, its documentation apart.

    `name` is qualified by its classes (`Point.size`); `header` is the signature alone; `code` the whole function with
    its decorators; `documentation` its docstring, or the comment directly above with its signs (`prose_of` cleans it),
    "" where there is none. `lines` are the first and last line in the file, from 1, the documentation
    included. `cuts` lists the places (start, end as character offsets in `code`) of whole one-line statements that are
    worth completing. `empty` says that the body does nothing, or nothing but say that it is not implemented.
    """

    language: str
    name: str
    header: str
    code: str
    documentation: str
    lines: tuple[int, int]
    cuts: tuple[tuple[int, int], ...]
    empty: bool
