"""One round over requests for rows that upstream lacks: a prompt each, the answer checked, a row made of it."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coma_cli.catalog.material import Function
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions import prompts
from coma_cli.instructions.filtering import flaw_of_chinese
from coma_cli.instructions.parsing import Refused, chinese_in
from coma_cli.instructions.settings import GenSettings
from coma_cli.jsonl import sha256_of
from coma_cli.records import DroppedRow, Example, PendingRequest, row_seed

_ID_DIGITS = 20


@dataclass
class RoundReply:
    """How far a request has come. It ends with a text, with a reason why not, or with a failed call."""

    request: PendingRequest
    text: str | None = None
    refused: Refused | None = None
    failed: str | None = None
    answers: list[str] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be asked, now or in a later start."""
        return self.text is not None or self.refused is not None


def generation_request(request: PendingRequest, settings: GenSettings) -> GenerationRequest:
    """Asks for the text that is lacking."""
    if request.asks_for == "output":
        text = prompts.chinese_summary(request.input, request.language, request.english)
    else:
        text = prompts.chinese_instruction(request.english, request.input, request.output, request.language)
    seed = row_seed(settings.seed, request.id)
    decoding = settings.round_one.decoding()
    return GenerationRequest(request.id, decoding, seed, instruction=text, system=prompts.SYSTEM_CHINESE)


class Replies:
    """All replies of a run and the requests that are still to be made."""

    def __init__(self, requests: Sequence[PendingRequest], settings: GenSettings) -> None:
        self._settings = settings
        self.drafts = {request.id: RoundReply(request) for request in requests}
        self._fresh = deque(requests)

    @property
    def pending(self) -> bool:
        """Whether there are requests to make now."""
        return bool(self._fresh)

    def requests(self) -> Iterator[GenerationRequest]:
        """The requests that are to be made."""
        while self._fresh:
            asked = generation_request(self._fresh.popleft(), self._settings)
            self.drafts[asked.key].answers.append(request_sha256(content_of(asked, self._settings.model)))
            yield asked

    def take(self, response: GenerationResponse) -> RoundReply:
        """Note an answer."""
        reply = self.drafts[response.key]
        if response.finish_reason == "error" and not response.permanent:
            reply.failed = response.error
            return reply
        found = chinese_in(response)
        if isinstance(found, Refused):
            reply.refused = found
            return reply
        reply.text = found.text
        reply.refused = flaw_of_chinese(found.text, reply.request.english)
        return reply


def example_of(reply: RoundReply, settings: GenSettings) -> Example:
    """An accepted reply as the row that was wanted."""
    assert reply.text is not None
    made_by = f"{settings.model} on request {reply.request.id}, answer {reply.answers[-1][:16]}"
    return _row(reply.request, reply.text, settings.seed).model_copy(update={"made_by": made_by})


def _row(request: PendingRequest, text: str, seed: int) -> Example:
    if request.asks_for == "output":
        function = Function(
            language=request.language,
            name="",
            header="",
            code=request.input,
            summary=text,
            description=text,
            cuts=(),
            licence=request.licence,
            origin=request.origin,
            text_language=request.text_language,
        )
        row = make_example(TASKS[request.task], function, request.source, seed)
        assert row is not None, request.task
        return row
    return Example(
        id=sha256_of([request.task, text, request.input, request.output])[:_ID_DIGITS],
        task=request.task,
        source=request.source,
        language=request.language,
        text_language=request.text_language,
        instruction=text,
        input=request.input,
        output=request.output,
        licence=request.licence,
        origin=request.origin,
    )


def dropped_of(reply: RoundReply, refused: Refused) -> DroppedRow:
    """A reply that became no row."""
    request = reply.request
    kept = {"request": request.to_row(), "text": reply.text, "answers": reply.answers}
    return DroppedRow(id=request.id, source=request.source, reason=refused.reason, detail=refused.detail, row=kept)
