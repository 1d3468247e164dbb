"""From rows to token ids with an answer boundary; rows that do not fit are dropped, never truncated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coma_cli.prompting import PromptTemplate, Tokenizer, encode_answer, encode_prompt
from coma_cli.records import DroppedRow
from coma_cli.training.examples import TrainingRow

NO_LABEL = -100  # the index that torch's cross entropy ignores


@dataclass(frozen=True)
class EncodedRow:
    """Token ids of prompt, answer and stop token; the answer begins at `answer_start`."""

    id: str
    ids: tuple[int, ...]
    answer_start: int

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels of each position: the answer and its stop token, nothing of the prompt."""
        return (NO_LABEL,) * self.answer_start + self.ids[self.answer_start :]


def encode_row(row: TrainingRow, template: PromptTemplate, tokenizer: Tokenizer) -> EncodedRow:
    """One row as token ids."""
    prompt = encode_prompt(template, tokenizer, row.instruction, row.input)
    return EncodedRow(row.id, (*prompt, *encode_answer(template, tokenizer, row.output)), len(prompt))


def encode_rows(
    rows: Iterable[TrainingRow], template: PromptTemplate, tokenizer: Tokenizer, max_seq_len: int
) -> Iterator[EncodedRow | DroppedRow]:
    """Each row encoded, or the reason why it is dropped: a truncated answer would teach to stop in the middle."""
    for row in rows:
        encoded = encode_row(row, template, tokenizer)
        if len(encoded.ids) <= max_seq_len:
            yield encoded
        else:
            detail = f"{len(encoded.ids)} tokens, {encoded.answer_start} of them prompt; at most {max_seq_len}"
            yield DroppedRow(id=row.id, source=row.source, reason="too long", detail=detail)
