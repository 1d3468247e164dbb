"""Answers to a few validation rows during training.

Import it inside functions: it needs the train extra.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from coma_cli import console
from coma_cli.prompting import PromptTemplate, decode_answer, stop_texts, stop_token_ids
from coma_cli.training.callbacks import AfterStep, TrainingCallback, evaluating
from coma_cli.training.distributed.sharding import is_sharded
from coma_cli.training.distributed.team import ALONE, Team
from coma_cli.training.metrics import ProbeResult
from coma_cli.training.probe_rows import ProbedRow, measured
from coma_cli.training.settings import ProbeBlock

_AT_ONCE = 8  # rows; their caches must fit beside the state of the optimizer


class ProbeDuringTraining(TrainingCallback):
    """Every so many steps, lets the model answer rows greedily and measures the answers.

    In a team rank 0 does it; where weights are sharded all do, since each of them has a part of every layer.
    """

    def __init__(
        self,
        settings: ProbeBlock,
        rows: Sequence[ProbedRow],
        tokenizer: Any,
        template: PromptTemplate,
        found: AfterStep,
        team: Team = ALONE,
    ) -> None:
        self._settings = settings
        self._rows = rows
        self._tokenizer = tokenizer
        self._template = template
        self._found = found
        self._team = team

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Probe, if it is time."""
        if self._settings.every is None or state.global_step % self._settings.every:
            return
        if not self._team.leads and not is_sharded(self.trainer.model):
            return
        result = self.result()
        self._found.fields["probe"] = result
        figures = ", ".join(f"{name} {value:.3f}" for name, value in result.metrics.items())
        console.note(
            f"Step {state.global_step}: probe of {result.rows} rows: {figures or 'no metric'}, {result.ended:.0%} ended"
        )

    def result(self) -> ProbeResult:
        """The figures of the model as it is now."""
        with evaluating(self.trainer.model), self.trainer.compute_loss_context_manager():
            answers = [answer for start in range(0, len(self._rows), _AT_ONCE) for answer in self._answers(start)]
        return ProbeResult(
            rows=len(self._rows),
            ended=sum(ended for _, ended in answers) / len(answers),
            metrics=measured(self._rows, [text for text, _ in answers]),
        )

    def _answers(self, start: int) -> Iterator[tuple[str, bool]]:
        """The text of each answer of some rows, and whether it ended by itself."""
        rows = self._rows[start : start + _AT_ONCE]
        longest = max(len(row.prompt) for row in rows)
        device = self.trainer.args.device
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, longest - len(row.prompt) :] = torch.tensor(row.prompt)
            mask[place, longest - len(row.prompt) :] = 1
        stops = stop_token_ids(self._template, self._tokenizer)
        made = self.trainer.model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=_greedy(stops, self._settings.max_new_tokens),
            synced_gpus=False,  # all processes answer the same rows, so they make the same passes
        )
        for row, tokens in zip(rows, made[:, longest:].tolist(), strict=True):
            yield self._read(row, tokens, stops)

    def _read(self, row: ProbedRow, tokens: list[int], stops: Sequence[int]) -> tuple[str, bool]:
        place = next((number for number, token in enumerate(tokens) if token in stops), None)
        text = decode_answer(self._tokenizer, row.prompt, tokens if place is None else tokens[:place])
        for stop in stop_texts(self._template):
            if stop in text:
                return text.partition(stop)[0], True
        return text, place is not None


def _greedy(stops: Sequence[int], most: int) -> Any:
    """A generation configuration of its own, since the base's may draw at random."""
    from transformers import GenerationConfig

    return GenerationConfig(
        do_sample=False,
        max_new_tokens=most,
        eos_token_id=list(stops) or None,
        pad_token_id=stops[0] if stops else 0,
        use_cache=True,
    )
