"""From the rows of a plan to token ids: the template, the encoded rows, and what was dropped or cut on the way."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.errors import MissingInputError
from coma_cli.models.resolution import ResolvedBase
from coma_cli.prompting import PromptTemplate, choose_template
from coma_cli.records import DroppedRow
from coma_cli.training.continuing import StartingPoint
from coma_cli.training.encoding import TOO_LONG, EncodedRow, encode_rows
from coma_cli.training.examples import TrainingRow
from coma_cli.training.probe_rows import ProbedRow, spread
from coma_cli.training.settings import FinetuneSettings
from coma_cli.training.shown_example import require_trained, show_example
from coma_cli.training.validation_rows import ValidationRows, probe_rows
from coma_cli.words import count_of


def probes_of(
    settings: FinetuneSettings, validation: ValidationRows, template: PromptTemplate, tokenizer: Any
) -> tuple[ProbedRow, ...]:
    """The rows to answer during training; none if no probe is wanted."""
    if settings.probe.every is None:
        return ()
    found = probe_rows(validation.rows, validation.files, template, tokenizer)
    fitting = [row for row in found if len(row.prompt) <= settings.max_seq_len]
    return spread(fitting, settings.probe.rows)


def template_for(
    settings: FinetuneSettings, resolved: ResolvedBase, start: StartingPoint | None, tokenizer: Any
) -> PromptTemplate:
    """The requested template; `auto` is that of a tuned adapter or base, else the catalogue's, else the tokenizer's."""
    if settings.template == "auto" and start is not None and start.template is not None:
        return start.template
    stored = PromptTemplate.load(Path(resolved.path_or_id)) if resolved.kind == "folder" else None
    if settings.template == "auto" and stored is None and resolved.entry is not None:
        return choose_template(resolved.entry.template, tokenizer)
    return choose_template(settings.template, tokenizer, stored)


def tokenize(
    settings: FinetuneSettings, given: Sequence[TrainingRow], template: PromptTemplate, tokenizer: Any
) -> tuple[tuple[EncodedRow, ...], list[DroppedRow]]:
    """The encoded rows and those that were dropped, with a line on each reason, and one row as it is trained.

    Raises:
        MissingInputError: no row fits.
    """
    rows: list[EncodedRow] = []
    dropped: list[DroppedRow] = []
    with console.progress("Tokenizing", len(given)) as ticker:
        cut_prompts = settings.rows.truncate == "prompt"
        for encoded in encode_rows(given, template, tokenizer, settings.max_seq_len, cut_prompts=cut_prompts):
            ticker.advance()
            if isinstance(encoded, EncodedRow):
                rows.append(encoded)
            else:
                dropped.append(encoded)
    for reason, count in Counter(row.reason for row in dropped).items():
        what = f"longer than {settings.max_seq_len} tokens" if reason == TOO_LONG else reason
        console.warn(f"{count} of {count_of(len(given), 'row')} dropped: {what}.")
    if cut := [row.cut for row in rows if row.cut]:
        console.warn(f"The prompts of {count_of(len(cut), 'row')} were cut by {sum(cut):,} tokens; no answer was.")
    if not rows:
        raise MissingInputError(
            f"No row fits into {settings.max_seq_len} tokens.",
            f"Raise --max-seq-len; the first: {dropped[0].detail}.",
        )
    require_trained(rows, template, tokenizer)
    show_example(rows[0], tokenizer)
    return tuple(rows), list({row.id: row for row in dropped}.values())
