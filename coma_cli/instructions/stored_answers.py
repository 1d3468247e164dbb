"""Answers that are stored already in the place of a model, so that a better parser can be run without a call.

An answer is found by its request. Where a parser reads another instruction than before, the request of round two is
another one: then the answer counts that an earlier run of the workspace had in that round for the same function.
"""

from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

from coma_cli.engines.answers import Answer, AnswerJournal, request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.openai_session import Traffic, response_of
from coma_cli.instructions.parsing import NOT_STORED
from coma_cli.instructions.round_rows import RoundRow
from coma_cli.jsonl import read_rows

_ROUNDS = (1, 2)


class StoredAnswersEngine:
    """An engine that has what is stored and nothing else."""

    def __init__(self, model: str, answers: AnswerJournal, server: str, runs: Path) -> None:
        """`runs` is the folder of earlier runs."""
        self._model, self._server = model, server
        self._answers = answers
        self._earlier = _answers_of(runs)
        self.traffic = Traffic()

    def generate(self, requests: Iterable[GenerationRequest]) -> Generator[GenerationResponse, None, None]:
        """Yield a response for every request: what is stored, or a permanent error."""
        for request in requests:
            key = request_sha256(content_of(request, self._model, self._server))
            answer = self._answers.get(key) or self._of_earlier_run(request.key)
            if answer is None:
                yield GenerationResponse(request.key, "", "error", 0, 0, error=NOT_STORED, permanent=True)
                continue
            self.traffic.reused += 1
            yield replace(response_of(request.key, answer), answer=answer.key)

    def _of_earlier_run(self, key: str) -> Answer | None:
        earlier = self._answers.get(self._earlier.get(key, ""))
        return earlier if earlier is not None and earlier.request.get("model") == self._model else None


def _answers_of(runs: Path) -> dict[str, str]:
    """The keys of answers in earlier runs by the keys of their requests; those of the latest run count."""
    found = {}
    for number in _ROUNDS:
        files = sorted(runs.glob(f"*/round{number}.jsonl"), key=lambda file: file.stat().st_mtime)
        for file in files:
            for row in read_rows(file):
                entry = RoundRow.from_row(row, str(file))
                found[f"{entry.id}/{number}"] = entry.answer
                found.setdefault(entry.id, entry.answer)  # requests for missing texts have one round
    return found
