"""The parts of cards: the YAML header that the Hugging Face Hub reads, and tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

CARD = "README.md"


class _PlainYaml(yaml.SafeDumper):
    """Writes equal parts twice, since not every reader of cards knows YAML's references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(values: Any) -> str:
    """Values as YAML that every reader knows, in their own order, a line each."""
    return yaml.dump(values, Dumper=_PlainYaml, sort_keys=False, allow_unicode=True, width=10_000)


def header_of(values: Mapping[str, Any]) -> str:
    """The header of a card."""
    return f"---\n{as_yaml(dict(values))}---"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in Markdown, and an empty one."""
    if not rows:
        yield from ("None.", "")
        return
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join('--' for _ in columns)}|"
    for row in rows:
        yield f"| {' | '.join(_in_cell(cell) for cell in row)} |"
    yield ""


def _in_cell(text: str) -> str:
    return text.replace("|", chr(92) + "|").replace("\n", " ")
