"""The two rounds of every code function, as a line of requests that grows with the answers.

A function's second request follows its first answer at once and goes before new functions, so that a run which is
stopped half-way has finished rows and few half ones. What becomes of a function depends on its answers alone, never on
the order in which they come.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions import prompts
from coma_cli.instructions.filtering import flaw_of_instruction, flaw_of_program
from coma_cli.instructions.parsing import Refused, instruction_in, program_in
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import row_seed


@dataclass
class InstructionDraft:
    """How far a code function has come. It ends with a program, with a reason why not, or with a failed call."""

    seed: Seed
    instruction: str | None = None
    program: str | None = None
    refused: Refused | None = None
    failed: str | None = None
    answers: list[str] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be asked, now or in a later start."""
        return self.program is not None or self.refused is not None


def first_request(seed: Seed, settings: GenSettings) -> GenerationRequest:
    """Asks for an instruction."""
    text = prompts.round_one(seed.code, seed.language, settings.text_language)
    return _request(f"{seed.id}/1", prompts.SYSTEM_ONE, text, settings)


def second_request(seed: Seed, instruction: str, settings: GenSettings) -> GenerationRequest:
    """Asks for a program."""
    text = prompts.round_two(instruction, seed.language, settings.text_language)
    return _request(f"{seed.id}/2", prompts.SYSTEM_TWO, text, settings)


def _request(key: str, system: str, text: str, settings: GenSettings) -> GenerationRequest:
    decoding = (settings.round_one if key.endswith("/1") else settings.round_two).decoding()
    return GenerationRequest(key, decoding, row_seed(settings.seed, key), instruction=text, system=system)


class Rounds:
    """All drafts of a run and the requests that are still to be made."""

    def __init__(self, seeds: Sequence[Seed], settings: GenSettings) -> None:
        self._settings = settings
        self.drafts = {seed.id: InstructionDraft(seed) for seed in seeds}
        self._fresh = deque(seeds)
        self._following: deque[GenerationRequest] = deque()

    @property
    def pending(self) -> bool:
        """Whether there are requests to make now."""
        return bool(self._fresh or self._following)

    def requests(self) -> Iterator[GenerationRequest]:
        """The requests that can be made now; more may follow from their answers."""
        while self._fresh or self._following:
            if self._following:
                yield self._following.popleft()
            else:
                yield self._noted(first_request(self._fresh.popleft(), self._settings))

    def take(self, response: GenerationResponse) -> InstructionDraft:
        """Move a draft on by an answer."""
        draft = self.drafts[response.key.partition("/")[0]]
        if response.finish_reason == "error" and not response.permanent:
            draft.failed = response.error
        elif response.key.endswith("/1"):
            self._take_instruction(draft, response)
        else:
            self._take_program(draft, response)
        return draft

    def _take_instruction(self, draft: InstructionDraft, response: GenerationResponse) -> None:
        found = instruction_in(response)
        if isinstance(found, Refused):
            draft.refused = found
            return
        draft.instruction = found.text
        draft.refused = flaw_of_instruction(found.text, self._settings.text_language, self._settings.filters)
        if draft.refused is None:
            self._following.append(self._noted(second_request(draft.seed, found.text, self._settings)))

    def _take_program(self, draft: InstructionDraft, response: GenerationResponse) -> None:
        found = program_in(response, draft.seed.language)
        if isinstance(found, Refused):
            draft.refused = found
            return
        draft.refused = flaw_of_program(found.text, draft.seed.language, self._settings.filters)
        draft.program = found.text

    def _noted(self, request: GenerationRequest) -> GenerationRequest:
        """Remember in the draft which answers it is made from."""
        digest = request_sha256(content_of(request, self._settings.model))
        self.drafts[request.key.partition("/")[0]].answers.append(digest)
        return request
