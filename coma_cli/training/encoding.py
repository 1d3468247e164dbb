"""From rows to token ids with answer boundaries; rows that do not fit are dropped, or cut on the prompt's side only."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from coma_cli.chat_templates import render_chat
from coma_cli.errors import UsageError
from coma_cli.prompting import (
    PromptTemplate,
    Tokenizer,
    encode_answer,
    encode_prompt,
    encode_rendered,
    mark_special,
    plain_ids,
    prompt_text,
)
from coma_cli.records import DroppedRow
from coma_cli.training.examples import TrainingRow

NO_LABEL = -100  # the index that torch's cross entropy ignores
TOO_LONG = "too long"
REWRITTEN = "chat template rewrites earlier turns"
_LEAST_KEPT = 0.5  # of an instruction that is cut: less would be another task


@dataclass(frozen=True)
class EncodedRow:
    """Token ids of prompt, answer and stop token; the (last) answer begins at `answer_start` and ends with the row.

    `earlier` are the spans (from, to) of earlier answers of a conversation, each with its stop token. `cut` counts the
    tokens that were cut from the prompt.
    """

    id: str
    ids: tuple[int, ...]
    answer_start: int
    earlier: tuple[tuple[int, int], ...] = ()
    cut: int = 0

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """All that is trained: the spans of the answers with their stop tokens."""
        return (*self.earlier, (self.answer_start, len(self.ids)))

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels of each position: the answers and their stop tokens, nothing of the prompts."""
        labels = [NO_LABEL] * len(self.ids)
        for start, end in self.spans:
            labels[start:end] = self.ids[start:end]
        return tuple(labels)


class RewrittenError(ValueError):
    """A chat template shows earlier turns otherwise once others follow, so that one row can't train all of them."""


def encode_row(row: TrainingRow, template: PromptTemplate, tokenizer: Tokenizer) -> EncodedRow:
    """One row as token ids.

    Raises:
        RewrittenError: see there.
    """
    template = template.for_source(row.source)
    if row.earlier or row.system:
        return _encode_conversation(row, template, tokenizer)
    prompt = encode_prompt(template, tokenizer, row.instruction, row.input)
    return EncodedRow(row.id, (*prompt, *encode_answer(template, tokenizer, row.output)), len(prompt))


def _encode_conversation(row: TrainingRow, template: PromptTemplate, tokenizer: Tokenizer) -> EncodedRow:
    """A conversation, prompt after answer after prompt.

    Answers are tokenized by themselves, as those of single turns are, so that the model meets them as it writes them.
    """
    questions = [*(turn.question for turn in row.earlier), row.instruction]
    answers = [*(turn.answer for turn in row.earlier), row.output]
    marked, spelled = mark_special(tokenizer, row.system, row.input, *questions, *answers)
    asked, said = marked[2 : 2 + len(questions)], marked[2 + len(questions) :]
    parts = _Rendered(template, tokenizer, marked[0], marked[1], asked, said)
    ids: list[int] = []
    spans = []
    for number, (prompt, kept) in enumerate(parts.prompts()):
        ids += encode_rendered(template, tokenizer, prompt, spelled, continues=number > 0)
        start = len(ids)
        answer = answers[number].strip() if kept else answers[number]
        if template.end and number + 1 < len(answers):  # the end-of-sequence token comes at the end only
            ids += [*plain_ids(tokenizer, answer), *plain_ids(tokenizer, template.end)]
        else:
            ids += encode_answer(template, tokenizer, answer)
        spans.append((start, len(ids)))
    return EncodedRow(row.id, tuple(ids), spans[-1][0], tuple(spans[:-1]))


@dataclass(frozen=True)
class _Rendered:
    """The texts between the answers of a conversation."""

    template: PromptTemplate
    tokenizer: Tokenizer
    system: str
    input: str
    asked: list[str]
    said: list[str]

    def prompts(self) -> Iterator[tuple[str, bool]]:
        """Each text before an answer, and whether the template strips that answer."""
        return self._of_chat() if self.template.is_chat else self._of_frames()

    def _of_frames(self) -> Iterator[tuple[str, bool]]:
        """A template for one instruction is repeated for each turn; a system text comes before the first one."""
        for number, question in enumerate(self.asked):
            first, last = number == 0, number + 1 == len(self.asked)
            instruction = "\n\n".join(filter(None, (self.system, question))) if first else question
            text = prompt_text(self.template, instruction, self.input if last else "")
            yield (self.template.opening if first else self.template.between) + text, False

    def _of_chat(self) -> Iterator[tuple[str, bool]]:
        system = self.system
        try:
            shown = not system or system in self._rendered(1, system)
        except UsageError:
            shown = False
        asked = list(self.asked)
        if not shown:  # the template has no place for it
            asked[0], system = f"{system}\n\n{asked[0]}", ""
        before = text = self._rendered(1, system, asked)
        for number in range(1, len(asked) + 1):
            if number == len(asked):
                yield text, False
                return
            after = self._rendered(number + 1, system, asked)
            stripped = not after.startswith(before + self.said[number - 1])
            answer = self.said[number - 1].strip() if stripped else self.said[number - 1]
            if not after.startswith(before + answer):
                raise RewrittenError
            yield text, stripped
            text = self._without_end(after[len(before) + len(answer) :])
            before = after

    def _without_end(self, rest: str) -> str:
        """What follows an answer, without what ends it: that belongs to the answer."""
        if self.template.end:
            return rest.removeprefix(self.template.end)
        stop = self.template.stop or self.tokenizer.eos_token or "\0"
        return rest.lstrip().removeprefix(stop) if rest.lstrip().startswith(stop) else rest

    def _rendered(self, turns: int, system: str, asked: list[str] | None = None) -> str:
        """The conversation up to the beginning of an answer."""
        questions = list(asked or self.asked)[:turns]
        if turns == len(self.asked) and self.input:
            questions[-1] = f"{questions[-1]}\n\n{self.input}"
        said = [("system", system)] if system else []
        for number, question in enumerate(questions):
            said += [("user", question), *([("assistant", self.said[number])] if number + 1 < turns else [])]
        in_parts = self.template.kind == "chat-parts"
        messages = [
            {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text} for role, text in said
        ]
        options = dict(self.template.options)
        return render_chat(self.tokenizer, self.template.jinja, messages, options, open_answer=True)


def encode_rows(
    rows: Iterable[TrainingRow],
    template: PromptTemplate,
    tokenizer: Tokenizer,
    max_seq_len: int,
    *,
    cut_prompts: bool = False,
) -> Iterator[EncodedRow | DroppedRow]:
    """Each row encoded, or the reason why it is dropped: a truncated answer would teach to stop in the middle.

    With `cut_prompts`, rows that are too long lose earlier turns, then the end of their input, then at most half of
    their instruction, where that is enough.
    """
    for row in rows:
        try:
            encoded = encode_row(row, template, tokenizer)
            if len(encoded.ids) > max_seq_len and cut_prompts:
                encoded = _cut(row, encoded, template, tokenizer, max_seq_len)
        except RewrittenError:
            yield DroppedRow(id=row.id, source=row.source, reason=REWRITTEN)
            continue
        if len(encoded.ids) <= max_seq_len:
            yield encoded
        else:
            detail = f"{len(encoded.ids)} tokens, {encoded.answer_start} of them prompt; at most {max_seq_len}"
            yield DroppedRow(id=row.id, source=row.source, reason=TOO_LONG, detail=detail)


def _cut(
    row: TrainingRow, whole: EncodedRow, template: PromptTemplate, tokenizer: Tokenizer, max_seq_len: int
) -> EncodedRow:
    """A row with a shorter prompt; as it was if no shorter prompt makes it fit."""

    def fitting(shorter: TrainingRow) -> EncodedRow | None:
        encoded = encode_row(shorter, template, tokenizer)
        return replace(encoded, cut=len(whole.ids) - len(encoded.ids)) if len(encoded.ids) <= max_seq_len else None

    while row.earlier:
        row = replace(row, earlier=row.earlier[1:])
        if (encoded := fitting(row)) is not None:
            return encoded

    def without_input(kept: int) -> EncodedRow | None:
        return fitting(replace(row, input="", instruction=row.instruction[:kept]))

    least = int(len(row.instruction) * _LEAST_KEPT) + 1
    best = _longest(lambda kept: fitting(replace(row, input=row.input[:kept])), 0, len(row.input))
    return best or _longest(without_input, least, len(row.instruction)) or whole


def _longest(cut: Callable[[int], EncodedRow | None], fewest: int, most: int) -> EncodedRow | None:
    """What `cut` makes of the largest number of characters for which it fits; None if not even `fewest` fit."""
    best = cut(fewest)
    while best is not None and fewest + 1 < most:
        middle = (fewest + most) // 2
        if (encoded := cut(middle)) is None:
            most = middle
        else:
            best, fewest = encoded, middle
    return best
