"""Further wordings of the instructions of build-data's tasks: requested, checked, and requested again where too few.

The wordings of a request are added to those of one table of a task. What is kept depends only on the answers, in the
order of the requests, so a run that was killed keeps the same ones.
"""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from coma_cli import console
from coma_cli.catalog import lookup
from coma_cli.catalog.tasks import TASKS
from coma_cli.catalog.tasks.task import Wordings
from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.corpus.wordings import TaskWording, flaw_of_wording, tables_of
from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.errors import CliError
from coma_cli.instructions import prompts
from coma_cli.instructions.parsing import Refused, wordings_in
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.taken_texts import TakenTexts
from coma_cli.instructions.writers import WritingEngine
from coma_cli.jsonl import sha256_of
from coma_cli.records import DroppedRow, TextLanguage, row_seed
from coma_cli.words import count_of

MOST_REQUESTS = 3  # for one table
_SOURCE = "gen-instructions"
_NEAR = {"shingle_tokens": 2, "min_tokens": 4, "threshold": 0.8}
_TOKENS_PER_WORDING = 60
_MARKER = re.compile(r"\A\s*(?:\d{1,3}[.):、]|[-*•])\s*")


@dataclass(frozen=True)
class WantedWordings:
    """The table of a task that further wordings are wanted for."""

    task: str
    like: str
    table: Wordings
    text_language: TextLanguage

    @property
    def id(self) -> str:
        """Identifies it among all tables and text languages."""
        return f"{self.task}/{sha256_of(self.like)[:8]}/{self.text_language}"


@dataclass
class GatheredWordings:
    """The wordings that were kept, and those that were not."""

    kept: list[TaskWording] = field(default_factory=list)
    dropped: list[DroppedRow] = field(default_factory=list)

    @property
    def reasons(self) -> dict[str, int]:
        """How many were dropped for each reason, most frequent first."""
        return dict(Counter(row.reason for row in self.dropped).most_common())


def wanted_wordings(tasks: Sequence[str], text_language: TextLanguage) -> tuple[WantedWordings, ...]:
    """All tables of some tasks.

    Raises:
        UsageError: there is no task of that name.
    """
    known = [lookup("task", name, TASKS) for name in tasks]
    return tuple(
        WantedWordings(task.name, like, table, text_language)
        for task in known
        for like, table in tables_of(task).items()
    )


def wordings_request(
    wanted: WantedWordings, so_far: Sequence[str], count: int, number: int, settings: GenSettings
) -> GenerationRequest:
    """Asks for `count` wordings beside those that are there."""
    text = prompts.more_wordings(TASKS[wanted.task].form, so_far, count, wanted.text_language)
    key = f"{wanted.id}/{number + 1}"
    # A table that needs many gets an answer that is long enough for them.
    longest = max(settings.round_one.max_new_tokens, _TOKENS_PER_WORDING * count)
    decoding = settings.round_one.decoding(longest)
    seed = row_seed(settings.seed, key)
    return GenerationRequest(
        key, decoding, seed, instruction=text, system=prompts.SYSTEM_ONE, frame=prompts.WORDINGS_FRAME
    )


class Gathering:
    """Gathers the wordings of one table from answers to several requests."""

    def __init__(self, wanted: WantedWordings, settings: GenSettings, near: NearRules, found: GatheredWordings) -> None:
        self.wanted = wanted
        self.texts = list(wanted.table[wanted.text_language])
        self._there = len(self.texts)
        self._settings = settings
        self._found = found
        self._taken = TakenTexts(near.model_copy(update=_NEAR))
        self._taken.add(self.texts)

    @property
    def missing(self) -> int:
        """How many more are wanted."""
        return (self._settings.wordings or 0) - (len(self.texts) - self._there)

    def request(self, number: int) -> GenerationRequest:
        """The next request."""
        return wordings_request(self.wanted, self.texts, self.missing, number, self._settings)

    def take(self, response: GenerationResponse, answer: str) -> None:
        """Keep what can be used of an answer, `answer` is the hash of its request."""
        found = wordings_in(response)
        if isinstance(found, Refused):
            self._drop("", found.reason, found.detail, answer)
            return
        for line in found.text.splitlines():
            text = _unmarked(line)
            if text and self.missing > 0:
                self._take(text, answer)

    def _take(self, text: str, answer: str) -> None:
        wanted = self.wanted
        flaw = flaw_of_wording(text, wanted.table, wanted.text_language, TASKS[wanted.task])
        if flaw is not None:
            self._drop(text, flaw.reason, flaw.detail, answer)
        elif _plain(text) in map(_plain, self.texts) or not self._taken.add([text])[0]:
            self._drop(text, "near-repeat", "", answer)
        else:
            self.texts.append(text)
            made_by = f"{self._settings.model}, answer {answer[:16]}"
            self._found.kept.append(
                TaskWording(
                    task=wanted.task,
                    like=wanted.like,
                    text_language=wanted.text_language,
                    text=text,
                    made_by=made_by,
                )
            )

    def _drop(self, text: str, reason: str, detail: str, answer: str) -> None:
        row = {"task": self.wanted.task, "like": self.wanted.like, "text": text, "answer": answer}
        name = f"{self.wanted.id}/{sha256_of([text, answer])[:12]}"
        self._found.dropped.append(DroppedRow(id=name, source=_SOURCE, reason=reason, detail=detail, row=row))


def _unmarked(line: str) -> str:
    """A line without the number or bullet of a list, and without quotation marks around it."""
    text = _MARKER.sub("", line).strip()
    return text[1:-1].strip() if len(text) > 2 and (text[0], text[-1]) in {('"', '"'), ("“", "”")} else text


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum() or character in "{}<>")


def gather_wordings(
    engine: WritingEngine, wanted: Sequence[WantedWordings], settings: GenSettings, server: str
) -> GatheredWordings:
    """Request wordings until each table has as many as are wanted, at most three times.

    Raises:
        BudgetReachedError: the next call might exceed the cap. CliError: calls failed.
    """
    found = GatheredWordings()
    open_ = [Gathering(entry, settings, settings.near, found) for entry in wanted]
    for number in range(MOST_REQUESTS):
        open_ = [entry for entry in open_ if entry.missing > 0]
        requests = {entry.request(number).key: (entry, entry.request(number)) for entry in open_}
        responses = _answers(engine, [request for _, request in requests.values()])
        for key, (entry, request) in requests.items():
            if key in responses:
                entry.take(responses[key], request_sha256(content_of(request, settings.model, server)))
    lacking = [f"{entry.wanted.task} {entry.missing}" for entry in open_ if entry.missing > 0]
    if lacking:
        console.warn(f"Fewer wordings than wanted could be used; missing: {', '.join(lacking)}.")
    return found


def _answers(engine: WritingEngine, requests: Sequence[GenerationRequest]) -> dict[str, GenerationResponse]:
    if not requests:
        return {}
    with (
        console.progress("Tables of wordings", len(requests)) as ticker,
        closing(engine.generate(iter(requests))) as responses,
    ):
        found = {}
        for response in responses:
            ticker.advance()
            found[response.key] = response
    failed = [r for r in found.values() if r.finish_reason == "error" and not r.permanent]
    if failed:
        raise CliError(
            f"{count_of(len(failed), 'request has', 'requests have')} no answer; the last failure: {failed[-1].error}.",
            "Rerun the same command: it requests only these again; everything else is kept.",
        )
    return found
