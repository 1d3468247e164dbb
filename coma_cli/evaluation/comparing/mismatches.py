"""What else than the model differs between scored runs: a difference in pass@k may come from there.

Protocols, prompts, benchmark versions, problems and limits decide verdicts, so runs that differ in them are not
compared unless the user says so. Temperatures and numbers of samples are a part of what may be compared; they are said.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.errors import UsageError
from coma_cli.evaluation.comparing.scored_run import Condition, ScoredRun
from coma_cli.evaluation.results import temperature_text
from coma_cli.journal import natural_order
from coma_cli.words import count_of, shown

# Settings of score that can change a verdict.
LIMITS = ("timeout_s", "memory_mb", "mode", "allow_fork", "python", "packages")
# What sample did beside the prompt, in its summary.
DECODING = (
    "top_p", "top_k", "max_new_tokens", "max_length", "min_new_tokens", "repetition_penalty", "num_beams", "stop",
    "quantize",
)  # fmt: skip
_OWN_TEMPLATE = "chat"
UNKNOWN = "not known"
_NAMED = 3  # problems that only some runs have, in messages


class Mismatch(BaseModel):
    """Something that differs, with its value in each run by label; `refused`: such runs are not compared."""

    model_config = ConfigDict(frozen=True)

    what: str
    values: dict[str, str]
    refused: bool

    def line(self) -> str:
        """One line for a person."""
        values = "; ".join(f"{shown(label)}: {shown(value, 120)}" for label, value in self.values.items())
        return f"{self.what}: {values}"


def mismatches(runs: Sequence[ScoredRun], conditions: Sequence[Condition]) -> list[Mismatch]:
    """All that differ, of runs under these conditions (one for each run); those that are refused first."""
    found = [
        _one("benchmarks", runs, [run.bench for run in runs]),
        _one("versions of the benchmark", runs, _versions(runs)),
        _one("protocols", runs, [one.protocol for one in conditions]),
        _one("prompts", runs, _prompts(runs)),
        _one("problems", runs, _problem_sets(runs, conditions)),
        _one("limits and modes of score", runs, _settings(runs, _limits)),
        _one("versions of score", runs, [str(run.artifact.manifest.get("version")) for run in runs]),
        _one("prompts that are not known", runs, _known(runs), refused=False),
        _one("temperatures", runs, [temperature_text(one.temperature) for one in conditions], refused=False),
        _one(
            "samples per problem", runs, [_samples(*pair) for pair in zip(runs, conditions, strict=True)], refused=False
        ),
        _one("isolation", runs, [str(run.summary.get("isolation", "")) for run in runs], refused=False),
        _one("sampling settings", runs, _settings(runs, _decoding), refused=False),
    ]
    return [one for one in found if one is not None]


def refuse(found: Sequence[Mismatch], hint: str) -> None:
    """Refuse runs that differ in more than the model.

    Raises:
        UsageError: they do; all that differs is named.
    """
    refused = [one.line() for one in found if one.refused]
    if refused:
        listed = "\n  ".join(refused)
        raise UsageError(f"These runs differ in more than the model:\n  {listed}", hint)


def _one(what: str, runs: Sequence[ScoredRun], values: Sequence[str], *, refused: bool = True) -> Mismatch | None:
    """None if all values are the same, or those that are known are."""
    if len(set(values) - {UNKNOWN}) < 2:
        return None
    by_label = dict(zip((run.label for run in runs), values, strict=True))
    return Mismatch(what=what, values=by_label, refused=refused)


def _versions(runs: Sequence[ScoredRun]) -> list[str]:
    """The hash of the problems as they were read; those that are as published have one version, whatever the file."""
    if all((run.summary.get("benchmark") or {}).get("as_published") for run in runs):
        return [UNKNOWN] * len(runs)
    return [of.content_sha256[:12] if (of := run.benchmark_input) else UNKNOWN for run in runs]


def _prompts(runs: Sequence[ScoredRun]) -> list[str]:
    """The protocol of sample and its template; a chat template that is a model's own counts as one of that name."""
    return [_prompt(run.sample_run.summary, run.sample_run.settings) if run.sample_run else UNKNOWN for run in runs]


def _prompt(summary: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    template, digest = summary.get("template"), summary.get("template_sha256")
    named = f"{template} ({digest[:12]})" if digest and template != _OWN_TEMPLATE else template or "the server's"
    options = settings.get("chat_template_kwargs") or {}
    given = "".join(f", {name}={value}" for name, value in sorted(options.items()))
    return f"protocol {summary.get('protocol')}, {summary.get('prompt_form')}, template {named}{given}"


def _known(runs: Sequence[ScoredRun]) -> list[str]:
    """Whether the prompts of each run are known; the same word for all if they all are, or none is."""
    return ["known" if run.sample_run else "of files from elsewhere, or the sample run is gone" for run in runs]


def _problem_sets(runs: Sequence[ScoredRun], conditions: Sequence[Condition]) -> list[str]:
    """How many problems each has, and which of them not all have; alike for equal sets only."""
    sets = [run.task_ids(condition) for run, condition in zip(runs, conditions, strict=True)]
    common = frozenset.intersection(*sets)
    return [count_of(len(one), "problem") + _besides(one - common) for one in sets]


def _besides(own: frozenset[str]) -> str:
    if not own:
        return ""
    named = ", ".join(sorted(own, key=natural_order)[:_NAMED])
    return f", {len(own)} of them not in all ({named}{', ...' if len(own) > _NAMED else ''})"


def _settings(runs: Sequence[ScoredRun], of: Any) -> list[str]:
    """Those settings that are not the same in all runs."""
    found: list[Mapping[str, Any] | None] = [of(run) for run in runs]
    known = [one for one in found if one is not None]
    names = [name for name in (known[0] if known else ()) if any(one.get(name) != known[0].get(name) for one in known)]
    return [UNKNOWN if one is None else ", ".join(f"{n} {_text(one.get(n))}" for n in names) for one in found]


def _limits(run: ScoredRun) -> Mapping[str, Any]:
    return {name: run.artifact.settings.get(name) for name in LIMITS}


def _decoding(run: ScoredRun) -> Mapping[str, Any] | None:
    return {name: run.sample_run.summary.get(name) for name in DECODING} if run.sample_run else None


def _text(value: Any) -> str:
    return "default" if value in (None, [], ()) else str(value)


def _samples(run: ScoredRun, condition: Condition) -> str:
    counts = sorted({tally.samples for tally in run.tallies(condition).values()})
    if not counts:
        return UNKNOWN
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def notes(found: Sequence[Mismatch]) -> Iterator[str]:
    """A line for each thing that differs, for below a table."""
    yield from (f"Differs: {one.line()}" for one in found)
