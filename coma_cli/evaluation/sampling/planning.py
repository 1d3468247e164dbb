"""Plans a sample run: problems, model, prompts, memory, and blockers."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.catalog import lookup
from coma_cli.catalog.benchmarks import SAMPLED, LoadedBenchmark
from coma_cli.catalog.benchmarks.protocols import SamplingProtocol
from coma_cli.corpus.decontamination.training_check import note_of
from coma_cli.engines.openai_engine import address, check_access
from coma_cli.engines.openai_models import today, why_shut_down
from coma_cli.errors import CliError, UsageError, unknown_name
from coma_cli.evaluation.sampling.devices import refused_by_server
from coma_cli.evaluation.sampling.held_out import load_problems
from coma_cli.evaluation.sampling.local_model import (
    LocalModel,
    engine_blockers,
    local_model,
    misfits,
    most_tokens,
    room_of,
)
from coma_cli.evaluation.sampling.model_facts import BYTES_OF_DTYPE
from coma_cli.evaluation.sampling.prompts import PromptForm
from coma_cli.evaluation.sampling.protocol_settings import departures, refused_options, with_model_settings
from coma_cli.evaluation.sampling.row_names import Wanted
from coma_cli.evaluation.sampling.sampled_model import ModelChoice, choose_model
from coma_cli.evaluation.sampling.server_prompts import ServerPrompts, server_prompts
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.jsonl import sha256_of
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.records import Problem
from coma_cli.words import count_of, size_of
from coma_cli.workspace import Input, Plan, Workspace

BYTES_A_TOKEN = 6  # of a row on disk: a generous estimate for its text; the other fields take a few hundred bytes
BYTES_A_ROW = 600


@dataclass(frozen=True, kw_only=True)
class SamplePlan(Plan):
    """The plan of a run with everything resolved for it; `local` is None for a server or if there is a blocker.

    `settings` are those in effect, with what the model's authors publish where the protocol is to use that.
    """

    benchmark: LoadedBenchmark
    problems: tuple[Problem, ...]
    workspace: Workspace
    protocol: SamplingProtocol
    settings: SampleSettings
    local: LocalModel | None
    server: ServerPrompts | None = None

    @property
    def protocol_name(self) -> str:
        """The name of the protocol in use, where the model or the endpoint decided."""
        if self.local is not None:
            return self.local.prompts.choice.protocol_name
        return self.server.protocol_name(self.protocol) if self.server is not None else self.protocol.name

    @property
    def prompt_form(self) -> PromptForm:
        """Whether the model continues the prompts or answers instructions."""
        if self.local is not None:
            return self.local.prompts.choice.form
        return self.server.form if self.server is not None else "instruction"

    def wanted(self) -> Wanted:
        """What is requested, longest prompts first, so that memory runs out at the start or never."""
        fitting = (problem.task_id for problem in self.problems if self.fits(problem.task_id))
        order = sorted(fitting, key=lambda name: -self.prompt_tokens(name))
        return Wanted(tuple(order), self.settings.temperature, self.settings.n)

    def prompt_tokens(self, task_id: str) -> int:
        """Length of a problem's prompt in tokens; 0 for a server."""
        return len(self.local.prompts.token_ids[task_id]) if self.local else 0

    def fits(self, task_id: str) -> bool:
        """Whether a problem's prompt leaves room for an answer."""
        return self.local is None or self.prompt_tokens(task_id) < self.room

    @property
    def room(self) -> int:
        """The tokens that prompt and completion may have together."""
        assert self.local is not None
        return room_of(self.settings, self.local.facts)


def select_problems(
    benchmark: LoadedBenchmark, limit: int | None, task_ids: Iterable[str] | None
) -> tuple[Problem, ...]:
    """The requested problems, in the order of the benchmark; ids may be given as numbers.

    Raises:
        UsageError: no such problem.
    """
    problems = benchmark.problems
    if task_ids is not None:
        known = {problem.task_id: problem for problem in problems}
        by_number = {task_id.rpartition("/")[2]: task_id for task_id in known}
        chosen = {by_number.get(name, name) for name in task_ids}
        for name in sorted(chosen - known.keys()):
            raise unknown_name("problem", name, known, hint=f"See the task ids of {benchmark.name}.")
        problems = tuple(problem for problem in problems if problem.task_id in chosen)
    return problems[:limit]


@dataclass(frozen=True)
class Subject:
    """The subject of a run: problems of a benchmark, and the model (None if a server runs it)."""

    benchmark: LoadedBenchmark
    problems: tuple[Problem, ...]
    protocol: SamplingProtocol
    choice: ModelChoice | None


def resolve(settings: SampleSettings, workspace: Workspace) -> Subject:
    """Find problems and model; reads files but does not import torch.

    Raises:
        UsageError, MissingInputError: no such benchmark, problem or model.
    """
    protocol = lookup("benchmark", settings.bench, SAMPLED).sampling_protocol(settings.protocol)
    choice = None
    if settings.engine_name != "openai":
        choice = choose_model(workspace, settings.model, settings.revision, settings.runtime.trust)
    elif settings.model is None:
        raise UsageError("Which model should the server run?", "--model NAME, as the server calls it")
    benchmark = load_problems(workspace, settings.bench, settings.bench_data, choice)
    problems = select_problems(benchmark, settings.limit, settings.task_ids)
    if not problems:
        raise UsageError("There are no problems to sample.", "Check --task-ids and --limit.")
    return Subject(benchmark, problems, protocol, choice)


def make_identity(settings: SampleSettings, workspace: Workspace) -> Plan:
    """The part of a plan that identifies a run, without tokenizer and prompts, which take seconds to load."""
    return _identity_of(settings, resolve(settings, workspace))


def _identity_of(settings: SampleSettings, subject: Subject) -> Plan:
    """Name, inputs, number of rows, and a note about the model."""
    benchmark = Input("benchmark", subject.benchmark.source, subject.benchmark.content_sha256)
    rows, choice = _rows(settings, subject.problems), subject.choice
    if choice is not None:
        template = [Input.of_path("template", settings.template_file)] if settings.template_file else []
        inputs = (benchmark, choice.source, *template)
        is_held_out = any(problem.held_out for problem in subject.problems)  # from the very data, so nothing to warn of
        known = () if is_held_out else note_of(choice.check, settings.bench, _ids(subject.benchmark.problems))
        return Plan(f"{settings.bench}-{choice.subject}", inputs, rows, {}, notes=(choice.note, *known))
    name = str(settings.model)
    inputs = (benchmark, Input("model", name, sha256_of(["chat model", name])))
    note = f"Model: {name} at {settings.url}, endpoint {settings.endpoint}"
    return Plan(f"{settings.bench}-{name.rstrip('/').rpartition('/')[2]}", inputs, rows, {}, notes=(note,))


def _ids(problems: Iterable[Problem]) -> list[str]:
    return [problem.task_id for problem in problems]


def make_plan(settings: SampleSettings, workspace: Workspace) -> SamplePlan:
    """Resolve everything that a run needs.

    Raises:
        UsageError, MissingInputError: no such benchmark, problem, model or template.
    """
    subject = resolve(settings, workspace)
    identity, problems = _identity_of(settings, subject), subject.problems
    rows, local, server = identity.total, None, None
    taken: list[str] = []
    if subject.choice is None:
        server, blockers = _server(settings, subject)
    else:
        if subject.protocol.from_model:
            settings, taken = with_model_settings(settings, subject.choice.resolved)
        every = subject.benchmark.problems
        local, blocker = local_model(settings, subject.choice, subject.protocol, every, problems)
        blockers = [blocker] if blocker else []
        if local is not None:
            blockers = [*misfits(local, problems, settings), *engine_blockers(settings, local)]
        blockers += refused_options(settings, subject.protocol)
        blockers += _disk(workspace.root, rows * (BYTES_A_ROW + BYTES_A_TOKEN * settings.max_new_tokens))
    return SamplePlan(
        subject=identity.subject,
        inputs=identity.inputs,
        total=rows,
        estimate=_estimate(settings, problems, rows, local),
        blockers=tuple(blockers),
        notes=(
            *identity.notes,
            *_protocol_notes(settings, subject, local, server, taken),
            *_notes(settings, problems, local),
        ),
        benchmark=subject.benchmark,
        problems=problems,
        workspace=workspace,
        protocol=subject.protocol,
        settings=settings,
        local=local,
        server=server,
    )


def _server(settings: SampleSettings, subject: Subject) -> tuple[ServerPrompts | None, list[CliError]]:
    """The prompts for a server, and why it can't be asked."""
    gone = why_shut_down(str(settings.model), address(settings.runtime), today())
    blockers: list[CliError] = [flaw for flaw in (check_access(settings.runtime), gone) if flaw is not None]
    if settings.deterministic:
        reason = "A chat server does not promise the same bits whatever else it computes."
        blockers.append(UsageError(reason, "Omit --deterministic."))
    blockers += refused_by_server(settings.runtime, ProcessRank.of_environment())
    try:
        prompts = server_prompts(settings, subject.protocol, subject.benchmark.problems)
    except UsageError as error:
        return None, [*blockers, error]
    return prompts, [*blockers, *refused_options(settings, subject.protocol)]


def _rows(settings: SampleSettings, problems: tuple[Problem, ...]) -> int:
    names = tuple(problem.task_id for problem in problems)
    return sum(1 for _ in Wanted(names, settings.temperature, settings.n).rows())


def _estimate(
    settings: SampleSettings, problems: tuple[Problem, ...], rows: int, local: LocalModel | None
) -> dict[str, Any]:
    estimate: dict[str, Any] = {"problems": len(problems), "rows": rows}
    estimate["max completion tokens"] = rows * settings.max_new_tokens
    if local is None:
        return estimate
    most = most_tokens(settings, local.prompts)
    estimate["max completion tokens"] = rows * most
    lengths = sorted(len(local.prompts.token_ids[p.task_id]) for p in problems)
    need = local.facts.memory_bytes(min(local.batch_size, rows), lengths[-1] + most, BYTES_OF_DTYPE[local.dtype])
    return {
        **estimate,
        "prompt tokens": {"shortest": lengths[0], "median": lengths[len(lengths) // 2], "longest": lengths[-1]},
        "template": local.prompts.choice.template.name,
        "device": local.device,
        "dtype": local.dtype,
        "batch size": local.batch_size,
        "memory GB, weights and cache": round(need / 1e9, 2) if local.facts.parameters else None,
    }


def _disk(root: Path, need: int) -> list[CliError]:
    folder = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free >= need:
        return []
    return [
        CliError(
            f"The rows may take {size_of(need)}, but {folder} has {size_of(free)} left.",
            "Free some space, or choose another --workspace.",
        )
    ]


def _notes(settings: SampleSettings, problems: tuple[Problem, ...], local: LocalModel | None) -> list[str]:
    notes = _greedy_note(settings)
    if local is None:
        ranked = sum(bool(problem.held_out and problem.held_out.candidates) for problem in problems)
        without = f"No MRR for {count_of(ranked, 'search row')}: a chat server gives no log-probability of a given text"
        return [*notes, without] if ranked else notes
    choice, engine = local.prompts.choice, settings.engine_choice
    notes.append(f"Engine: {engine.name} ({engine.reason})")
    notes.append(f"Template: {choice.template.name} ({choice.reason})")
    notes += [f"Devices: {local.devices.in_words}"] if local.devices.are_many else []
    notes += [f"Replaced on this machine: {what}" for what in local.replaced]
    room = room_of(settings, local.facts)
    long = [p.task_id for p in problems if len(local.prompts.token_ids[p.task_id]) >= room]
    if long:
        skipped, named = count_of(len(long), "prompt"), ", ".join(long[:5])
        notes.append(f"Warning: no room for {skipped} in {room} tokens: {named}")
    return notes


def _protocol_notes(
    settings: SampleSettings,
    subject: Subject,
    local: LocalModel | None,
    server: ServerPrompts | None,
    taken: list[str],
) -> list[str]:
    """The protocol with its reason, what of it is overridden, and what it overrides."""
    protocol = subject.protocol
    name = local.prompts.choice.protocol_name if local else server.protocol_name(protocol) if server else protocol.name
    fits = "it fits the model" if local else "it fits the endpoint"
    notes = [f"Protocol: {name} ({fits if settings.protocol == 'auto' else 'as requested'})"]
    if taken:
        notes.append(f"From the model's generation_config.json: {', '.join(taken)}")
    if local is not None and local.prompts.reasoning is not None:
        notes.append(f"Reasoning: the model may write up to {settings.max_reasoning_tokens} tokens before its answer")
    if changed := departures(settings, protocol):
        notes.append(f"Warning: this departs from {protocol.name}: {', '.join(changed)}")
    if local is not None and local.prompts.choice.warning:
        notes.append(f"Warning: {local.prompts.choice.warning}")
    return [*notes, *(server.notes if server else ())]


def _greedy_note(settings: SampleSettings) -> list[str]:
    if settings.n == 1 or 0 not in settings.temperature:
        return []
    return [f"Temperature 0 always gives the same completion: 1 per problem there, not {settings.n}"]
