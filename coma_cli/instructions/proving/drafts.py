"""Proves the programs of drafts, and asks the model again where settings say so: repairs, asserts, further programs.

All further requests go through the engine of the run, so that they are journalled, and paid within its budget, like
those of the rounds. What an answer becomes depends only on it and on what was found of the program.
"""

import ast
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from coma_cli import console
from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.errors import CliError
from coma_cli.instructions.code_functions import flaw_of_answer, human_part, program_request
from coma_cli.instructions.parsing import Refused, program_in
from coma_cli.instructions.proving import prompts
from coma_cli.instructions.proving.counted import targets_in
from coma_cli.instructions.proving.levels import Level, level_to_keep, missed, rank
from coma_cli.instructions.proving.prover import ProgramToProve, Prover
from coma_cli.instructions.rounds import ItemDraft
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.writers import WritingEngine
from coma_cli.records import row_seed
from coma_cli.words import count_of

_PROGRAM = 1  # the round
_ERROR_CHARS = 400  # of an error that the model is shown
# Refused for what a repair can fix.
_REPAIRABLE = frozenset({"does-not-parse", "lacks-the-function"})
_GENERAL = "the program lacks the code that it was to be built around, or changes it"

Draft = ItemDraft[Seed]


@dataclass
class DraftProver:
    """Proves the drafts of one run, in place: a mapping of ids to drafts. `server` identifies its answers.

    Raises:
        BudgetReachedError, CliError: as the engine does.
    """

    drafts: dict[str, Draft]
    engine: WritingEngine
    prover: Prover
    settings: GenSettings
    server: str
    failed_calls: int = 0
    last_failure: str = ""

    def run(self) -> None:
        """Prove all programs; repair those that need it; then ask for asserts and further programs, and prove again."""
        self._prove([name for name, draft in self.drafts.items() if draft.state == "accepted"])
        for number in range(self.settings.repair):
            self._repair(number)
        extras = self._extras()
        if extras:
            self._prove(sorted(extras), extras)
            self._keep_what_most_agree_on(extras)
        least = level_to_keep(self.settings.keep)
        for name, draft in self.drafts.items():
            if draft.state == "accepted" and draft.proof is not None and not draft.proof.reaches(least):
                refused = Refused(missed(draft.proof, least), draft.proof.detail)
                self.drafts[name] = replace(draft, state="refused", refused=refused)

    # --- proof ---

    def _prove(self, names: Sequence[str], extras: Mapping[str, "_Extra"] | None = None) -> None:
        extras = extras or {}
        candidates = [self._candidate(name, extras.get(name)) for name in names]
        with console.progress("Programs proven", len(candidates)) as ticker:
            proofs = self.prover.prove(candidates, ticker.advance)
        for name, proof in proofs.items():
            before = self.drafts[name].proof
            # More was tried: a flaky program does not fall below what it was seen to do.
            best = proof if before is None or rank(proof.level) >= rank(before.level) else before
            self.drafts[name] = replace(self.drafts[name], proof=best)

    def _candidate(self, name: str, extra: "_Extra | None") -> ProgramToProve:
        draft = self.drafts[name]
        program = draft.texts[_PROGRAM]
        asserts, others = (extra.asserts, extra.others) if extra is not None else ("", ())
        return ProgramToProve(name, draft.item.language, program, self._lines(draft, program), asserts, others)

    def _lines(self, draft: Draft, program: str) -> tuple[int, int] | None:
        return human_part(draft.item, program) if self.settings.second_round == "from-code" else None

    # --- repairs ---

    def _repair(self, number: int) -> None:
        least: Level = level_to_keep(self.settings.keep)
        wanted = least if rank(least) > rank("ran") else "ran"
        requests = {}
        for name, draft in self.drafts.items():
            error = _error_of(draft, wanted)
            if error:
                requests[name] = self._repair_request(draft, error, number)
        repaired = []
        for name, response in self._ask(requests).items():
            draft = self._with_answer(name, requests[name])
            answer = self._program_of(draft, response)
            if answer is not None:
                texts = (*draft.texts[:_PROGRAM], answer)
                self.drafts[name] = replace(draft, state="accepted", texts=texts, refused=None, proof=None)
                repaired.append(name)
        self._prove(repaired)

    def _repair_request(self, draft: Draft, error: str, number: int) -> GenerationRequest:
        first = program_request(draft.item, draft.texts[0], self.settings)
        text = prompts.repair(first.instruction, draft.texts[_PROGRAM], error, draft.item.language)
        return self._request(draft, f"repair-{number + 1}", text)

    def _program_of(self, draft: Draft, response: GenerationResponse) -> str | None:
        """The program of an answer, unless a filter refuses it."""
        if response.finish_reason == "error":
            return None
        found = program_in(response, draft.item.language)
        if isinstance(found, Refused) or flaw_of_answer(draft.item, found.text, self.settings) is not None:
            return None
        return found.text

    # --- asserts and further programs ---

    def _extras(self) -> dict[str, "_Extra"]:
        ready = [
            name
            for name, draft in self.drafts.items()
            if draft.state == "accepted" and draft.item.language == "python" and _was_called(draft)
        ]
        requests = {}
        for name in ready if self.settings.self_test else ():
            functions = _functions(self.drafts[name], self._lines(self.drafts[name], self.drafts[name].texts[_PROGRAM]))
            text = prompts.asserts(self.drafts[name].texts[_PROGRAM], functions, self.drafts[name].item.language)
            requests[f"{name} asserts"] = self._request(self.drafts[name], "asserts", text)
        for name in ready:
            draft = self.drafts[name]
            for number in range(2, self.settings.tries + 1):
                first = program_request(draft.item, draft.texts[0], self.settings)
                requests[f"{name} try {number}"] = self._request(draft, f"try-{number}", first.instruction)
        answers = self._ask(requests)
        for key in requests.keys() & answers.keys():
            self._with_answer(key.partition(" ")[0], requests[key])
        found = {}
        for name in ready:
            asserts = self._asserts_of(answers.get(f"{name} asserts"))
            tries = [answers.get(f"{name} try {number}") for number in range(2, self.settings.tries + 1)]
            others = [self._program_of(self.drafts[name], answer) or "" for answer in tries if answer is not None]
            if asserts or others:
                found[name] = _Extra(asserts, tuple(others))
        return found

    def _asserts_of(self, response: GenerationResponse | None) -> str:
        if response is None or response.finish_reason == "error":
            return ""
        found = program_in(response, "python")
        if isinstance(found, Refused):
            return ""
        try:
            tree = ast.parse(found.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ""
        return found.text if any(isinstance(node, ast.Assert) for node in ast.walk(tree)) else ""

    def _keep_what_most_agree_on(self, extras: Mapping[str, "_Extra"]) -> None:
        """Where other programs agree with each other, and not with the first, the first of those is kept and proven."""
        replaced = {}
        for name in sorted(extras):
            draft, others = self.drafts[name], extras[name].others
            best = draft.proof.best_program if draft.proof is not None else 0
            if best:
                first, program = draft.texts[_PROGRAM], others[best - 1]
                texts = (*draft.texts[:_PROGRAM], program)
                self.drafts[name] = replace(draft, texts=texts, proof=None, program=best + 1)
                replaced[name] = _Extra(extras[name].asserts, (first, *others[: best - 1], *others[best:]))
        self._prove(list(replaced), replaced)

    # --- requests ---

    def _request(self, draft: Draft, what: str, text: str) -> GenerationRequest:
        key = f"{draft.item.id}/{what}"
        seed = row_seed(self.settings.seed, key)
        decoding = self.settings.round_two.decoding()
        return GenerationRequest(key, decoding, seed, instruction=text, system=prompts.SYSTEM)

    def _with_answer(self, name: str, request: GenerationRequest) -> Draft:
        """A draft that records which answer it was made from as well."""
        answer = request_sha256(content_of(request, self.settings.model, self.server))
        draft = self.drafts[name]
        self.drafts[name] = replace(draft, answers=(*draft.answers, answer))
        return self.drafts[name]

    def _ask(self, requests: Mapping[str, GenerationRequest]) -> dict[str, GenerationResponse]:
        """The answers by the names of their requests; calls that failed for now are counted and skipped."""
        if not requests:
            return {}
        names = {request.key: name for name, request in requests.items()}
        found = {}
        with (
            console.progress("Further requests", len(requests)) as ticker,
            closing(self.engine.generate(iter(requests.values()))) as responses,
        ):
            for response in responses:
                ticker.advance()
                if response.finish_reason == "error" and not response.permanent:
                    self.failed_calls += 1
                    self.last_failure = response.error
                else:
                    found[names[response.key]] = response
        # In the order of the requests, whatever the order of the answers.
        return {name: found[name] for name in requests if name in found}


@dataclass(frozen=True)
class _Extra:
    """What was requested beside a program: asserts, and other programs ("" for an answer that holds none)."""

    asserts: str = ""
    others: tuple[str, ...] = ()


def _was_called(draft: Draft) -> bool:
    return draft.proof is not None and draft.proof.reaches("called")


def _error_of(draft: Draft, wanted: Level) -> str:
    """What the model is shown to repair a program; "" if there is nothing to repair, or nothing to show."""
    if draft.state == "refused" and draft.refused is not None and len(draft.texts) > _PROGRAM:
        if draft.refused.reason not in _REPAIRABLE:
            return ""
        return shown_error(draft.refused.detail if draft.refused.reason == "does-not-parse" else _GENERAL)
    if draft.state != "accepted" or draft.proof is None or draft.proof.reaches(wanted):
        return ""
    return shown_error(draft.proof.error)


def shown_error(text: str) -> str:
    """An error as the model is shown it: one line of printable text, cut; tags that would close a part are broken."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line.replace("<", "‹").replace("```", "'''")[:_ERROR_CHARS]


def _functions(draft: Draft, lines: tuple[int, int] | None) -> list[str]:
    targets = targets_in(ast.parse(draft.texts[_PROGRAM]), lines)
    return [target.name or target.node.name for target in targets][:5]


def prove_rows(
    drafts: dict[str, Draft], engine: WritingEngine, prover: Prover, settings: GenSettings, server: str
) -> None:
    """Prove the programs of a run's drafts, in place.

    Raises:
        BudgetReachedError: the next call might exceed the cap. CliError: calls failed.
    """
    work = DraftProver(drafts, engine, prover, settings, server)
    work.run()
    if work.failed_calls:
        raise CliError(
            f"{count_of(work.failed_calls, 'further call has', 'further calls have')} no answer; "
            f"the last failure: {work.last_failure}.",
            "Rerun the same command: it requests only these again; everything else is kept.",
        )
