"""Requests for rows that upstream lacks, in one round: the missing text is requested, checked, and made into a row."""

from collections.abc import Sequence

from coma_cli.catalog.material import Function
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions import prompts
from coma_cli.instructions.filtering import flaw_of_chinese
from coma_cli.instructions.parsing import Refused, Taken, chinese_in
from coma_cli.instructions.rounds import ItemDraft, ItemKind, RoundSpec
from coma_cli.instructions.settings import GenSettings
from coma_cli.jsonl import sha256_of
from coma_cli.records import DroppedRow, Example, PendingRequest, row_seed

_ID_DIGITS = 20


def generation_request(request: PendingRequest, settings: GenSettings) -> GenerationRequest:
    """Asks for the missing text."""
    if request.asks_for == "output":
        text = prompts.chinese_summary(request.input, request.language, request.english)
    else:
        text = prompts.chinese_instruction(request.english, request.input, request.output, request.language)
    seed = row_seed(settings.seed, request.id)
    decoding = settings.round_one.decoding()
    frame = prompts.CHINESE_FRAME
    return GenerationRequest(request.id, decoding, seed, instruction=text, system=prompts.SYSTEM_CHINESE, frame=frame)


def _request(request: PendingRequest, texts: Sequence[str], settings: GenSettings) -> GenerationRequest:
    return generation_request(request, settings)


def _read(request: PendingRequest, response: GenerationResponse) -> Taken | Refused:
    return chinese_in(response)


def _flaw(request: PendingRequest, text: str, settings: GenSettings) -> Refused | None:
    answer = request.output if request.asks_for == "instruction" else ""
    prompt = generation_request(request.model_copy(update={"input": "", "output": ""}), settings).instruction
    return flaw_of_chinese(text, request.english, answer, prompt)


def example_of(draft: ItemDraft[PendingRequest], settings: GenSettings) -> Example:
    """An accepted draft as the row that was wanted."""
    (text,) = draft.texts
    made_by = f"{settings.model} on request {draft.item.id}, answer {draft.answers[-1][:16]}"
    return _row(draft.item, text, settings.seed).model_copy(update={"made_by": made_by})


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


def dropped_of(draft: ItemDraft[PendingRequest], refused: Refused) -> DroppedRow:
    """A draft that did not become a row."""
    request = draft.item
    kept = {"request": request.to_row(), "text": draft.text(0), "answers": list(draft.answers)}
    return DroppedRow(id=request.id, source=request.source, reason=refused.reason, detail=refused.detail, row=kept)


PENDING_REQUESTS = ItemKind(
    name="requests",
    rounds=(RoundSpec(_request, _read, _flaw),),
    example=example_of,
    dropped=dropped_of,
)
