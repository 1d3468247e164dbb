"""Code functions in two rounds: an instruction that the function would answer, then a program that answers it.

The program is built around the function, as in CodeCapybara's recipe, and is dropped if it does not contain it; or it
is written from the instruction alone, if the settings say so.
"""

from collections.abc import Sequence
from dataclasses import replace

from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions import prompts, round_one
from coma_cli.instructions.filtering import flaw_of_instruction, flaw_of_program
from coma_cli.instructions.parsing import Refused, Taken, instruction_in, program_in
from coma_cli.instructions.rounds import GroupSpec, ItemDraft, ItemKind, RoundSpec
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import GenSettings, Round
from coma_cli.instructions.wording import flaw_of_wording
from coma_cli.records import DroppedRow, Example, Origin, row_seed
from coma_cli.syntax.containing import span_of_function

SOURCE = "gen-instructions"
TASK = "code-generation"
_INSTRUCTION, _PROGRAM = 0, 1  # the rounds
HUMAN_PART = "lines {} to {} of the answer are this function, the others were generated"


def first_request(seed: Seed, settings: GenSettings) -> GenerationRequest:
    """Asks for an instruction."""
    text = round_one.prompt_for_one(seed, settings.seed, settings.round_one.requirements, settings.text_language)
    frame = prompts.INSTRUCTION_FRAME
    return _request(f"{seed.id}/1", prompts.SYSTEM_ONE, text, settings, settings.round_one, frame)


def group_request(seeds: Sequence[Seed], settings: GenSettings) -> GenerationRequest:
    """Asks for instructions to several functions."""
    requirements, key = settings.round_one.requirements, round_one.group_key(seeds)
    text = round_one.prompt_for_several(seeds, settings.seed, requirements, settings.text_language)
    whole = _request(f"{key}/1", prompts.SYSTEM_ONE, text, settings, settings.round_one, prompts.GROUP_FRAME)
    longest = len(seeds) * settings.round_one.max_new_tokens
    decoding = replace(whole.decoding, max_new_tokens=longest)
    return replace(whole, decoding=decoding, json_schema=round_one.schema_for(round_one.snippet_names(seeds)))


def _read_group(seeds: Sequence[Seed], response: GenerationResponse) -> dict[str, Taken]:
    """The instructions of an answer by the ids of their functions; those that are missing are requested alone."""
    names = round_one.snippet_names(seeds)
    if response.finish_reason in ("error", "length"):
        return {}
    found = round_one.instructions_by_name(response.text, names)
    return {names[name].id: Taken(text) for name, text in found.items()}


def program_request(seed: Seed, instruction: str, settings: GenSettings) -> GenerationRequest:
    """Asks for a program."""
    text = prompts.round_two(
        instruction,
        seed.language,
        settings.text_language,
        seed.code if settings.second_round == "from-code" else None,
        demonstrated=settings.filters.must_run,
    )
    frame = prompts.program_frame(seed.language)
    return _request(f"{seed.id}/2", prompts.SYSTEM_TWO, text, settings, settings.round_two, frame)


def _request(
    key: str, system: str, text: str, settings: GenSettings, drawn: Round, frame: tuple[str, str]
) -> GenerationRequest:
    seed = row_seed(settings.seed, key)
    return GenerationRequest(key, drawn.decoding(), seed, instruction=text, system=system, frame=frame)


def _request_instruction(seed: Seed, texts: Sequence[str], settings: GenSettings) -> GenerationRequest:
    return first_request(seed, settings)


def _request_program(seed: Seed, texts: Sequence[str], settings: GenSettings) -> GenerationRequest:
    return program_request(seed, texts[_INSTRUCTION], settings)


def _read_instruction(seed: Seed, response: GenerationResponse) -> Taken | Refused:
    return instruction_in(response)


def _read_program(seed: Seed, response: GenerationResponse) -> Taken | Refused:
    return program_in(response, seed.language)


def _flaw_of_instruction(seed: Seed, text: str, settings: GenSettings) -> Refused | None:
    flaw = flaw_of_instruction(text, settings.text_language, settings.filters)
    return flaw or flaw_of_wording(text, seed.code, seed.language, settings)


def flaw_of_answer(seed: Seed, text: str, settings: GenSettings) -> Refused | None:
    """Why a program is refused for a function."""
    flaw = flaw_of_program(text, seed.language, settings.filters)
    if flaw is None and settings.second_round == "from-code" and human_part(seed, text) is None:
        return Refused("lacks-the-function", "not all its tokens are there in this order")
    return flaw


def human_part(seed: Seed, program: str) -> tuple[int, int] | None:
    """The first and last line, counted from 1, of the function that people wrote; None if the program changes it."""
    found = span_of_function(seed.language, program, seed.code)
    return None if found is None else (1 + program.count("\n", 0, found[0]), 1 + program.count("\n", 0, found[1]))


def row_id(draft: ItemDraft[Seed]) -> str:
    """The id of the row that a draft becomes."""
    return f"{SOURCE}/{draft.item.language}/{draft.item.id}"


def example_of(draft: ItemDraft[Seed], settings: GenSettings) -> Example:
    """An accepted draft as a row."""
    instruction, program = draft.texts
    answers = " ".join(name[:16] for name in draft.answers)
    kept = f", program {draft.program} of {settings.tries}" if draft.program > 1 else ""
    return Example(
        id=row_id(draft),
        task=TASK,
        source=SOURCE,
        language=draft.item.language,
        text_language=settings.text_language,
        instruction=instruction,
        output=program,
        licence=draft.item.licence,
        origin=_with_human_part(draft.item, program) if settings.second_round == "from-code" else draft.item.origin,
        made_by=f"{settings.model} in two rounds, answers {answers}{kept}",
        proof=draft.proof.level if draft.proof is not None else "none",
    )


def _with_human_part(seed: Seed, program: str) -> Origin:
    part = human_part(seed, program)
    assert part is not None  # else the program was refused
    return seed.origin.model_copy(update={"detail": HUMAN_PART.format(*part)})


def dropped_of(draft: ItemDraft[Seed], refused: Refused) -> DroppedRow:
    """A draft that did not become a row."""
    seed = draft.item
    kept = {
        "language": seed.language,
        "code": seed.code,
        "origin": seed.origin.model_dump(mode="json"),
        "instruction": draft.text(_INSTRUCTION),
        "program": draft.text(_PROGRAM),
        "answers": list(draft.answers),
    }
    return DroppedRow(id=row_id(draft), source=SOURCE, reason=refused.reason, detail=refused.detail, row=kept)


CODE_FUNCTIONS = ItemKind(
    name="code functions",
    rounds=(
        RoundSpec(_request_instruction, _read_instruction, _flaw_of_instruction),
        RoundSpec(_request_program, _read_program, flaw_of_answer),
    ),
    example=example_of,
    dropped=dropped_of,
    group=GroupSpec(group_request, _read_group),
)
