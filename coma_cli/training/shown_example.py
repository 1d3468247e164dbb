"""One row as the model will see it, its trained part marked; and the check that answers and their ends are trained."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from coma_cli import console
from coma_cli.errors import CliError
from coma_cli.prompting import PromptTemplate, plain_ids, stop_token_ids
from coma_cli.training.encoding import EncodedRow
from coma_cli.words import printable

_MOST_SHOWN = 1200  # characters of a part
OPENS, CLOSES = "\u27e6", "\u27e7"  # around what is trained, for terminals without colours too


def require_trained(rows: Sequence[EncodedRow], template: PromptTemplate, tokenizer: Any) -> None:
    """Stop if a row trains nothing, or not the end of an answer.

    Raises:
        CliError: that is so.
    """
    ends = [*plain_ids(tokenizer, template.end or ""), *stop_token_ids(template, tokenizer)][-1:]
    for row in rows:
        for start, end in row.spans:
            if not 0 < start < end:
                raise CliError(f"Row {row.id} would train nothing.", "Choose another --template.")
        if not ends or row.ids[-1] != ends[0]:
            raise CliError(f"The end of the answer of row {row.id} would not be trained.", "Choose another --template.")


def show_example(row: EncodedRow, tokenizer: Any) -> None:
    """Print a row, decoded from its tokens, special ones included."""
    console.note(f"A row as it is trained, {len(row.ids)} tokens; {OPENS}the part with loss{CLOSES}:")
    console.stderr().print(marked(row, tokenizer))


def marked(row: EncodedRow, tokenizer: Any) -> Text:
    """The text of a row; trained parts are in brackets and bold."""
    text, place = Text(), 0
    for start, end in row.spans:
        text.append(_decoded(tokenizer, row.ids[place:start]), style="dim")
        text.append(f"{OPENS}{_decoded(tokenizer, row.ids[start:end])}{CLOSES}", style="bold green")
        place = end
    return text


def _decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    decoded = str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))
    lines = (printable(line) for line in decoded.split("\n"))
    shown = "\n".join(lines)
    half = _MOST_SHOWN // 2
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:half]} [...] {shown[-half:]}"
