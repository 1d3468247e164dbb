"""What may fail `coma score` after its result is written: a threshold, or a run that the result must not be worse than.

Both are for CI: exit code 6 says that the number is bad, every other one that it could not be decided.
"""

from collections.abc import Mapping
from typing import Any

from coma_cli import console
from coma_cli.errors import BelowThresholdError, UsageError
from coma_cli.evaluation.comparing.choosing import choose_score_run
from coma_cli.evaluation.comparing.compare import CompareOptions, compare
from coma_cli.evaluation.comparing.difference import PairedDifference, holm
from coma_cli.evaluation.comparing.scored_run import ScoredRun, scored_run
from coma_cli.evaluation.comparing.sizes import ALPHA
from coma_cli.evaluation.measuring.summary import is_of_measures, title_of
from coma_cli.evaluation.scoring.score_run import refuse_failed
from coma_cli.evaluation.scoring.settings import ScoreSettings, parse_threshold
from coma_cli.words import count_of
from coma_cli.workspace import Artifact, Workspace


def check(settings: ScoreSettings, artifact: Artifact) -> None:
    """Hold a finished run against `--fail-under` and `--fail-if-worse-than`.

    For several protocols or temperatures the first counts.

    Raises:
        BelowThresholdError: it is below, or worse. UsageError: that pass@k is not defined here, a threshold would hold
            for a part of the rows or problems only, or the other run differs in more than the model. CliError:
            references fail that have to pass.
    """
    summary = artifact.summary
    if not is_of_measures(summary):
        refuse_failed(settings, summary["bench"], summary["excluded"], summary["references"]["checked"])
        if settings.runtime.fail_under:
            _require_thresholds(settings, summary)
    if settings.runtime.fail_if_worse_than is not None:
        _require_no_worse(artifact, settings.runtime.fail_if_worse_than)


def _require_thresholds(settings: ScoreSettings, summary: Mapping[str, Any]) -> None:
    if summary["excluded"]:
        raise UsageError(
            f"{count_of(len(summary['excluded']), 'problem is', 'problems are')} excluded, so no threshold holds "
            f"({', '.join(summary['excluded'])}).",
            "Raise --timeout or --memory until all references pass, or choose another --python.",
        )
    uncounted = summary["skipped"]["corrupt_lines"] + summary["skipped"]["rows_without_task_id"]
    if uncounted:
        raise UsageError(
            f"{count_of(uncounted, 'row')} of the samples could not be counted, so no threshold holds.",
            "Repair or remove the rows that the warnings name.",
        )
    for text in settings.runtime.fail_under:
        k, least = parse_threshold(text)
        estimate = summary["pass_at_k"].get(str(k)) or {"value": None}
        if estimate["value"] is None:
            raise UsageError(
                f"pass@{k} is not defined for these samples.", "Draw more with coma sample -n, or lower k."
            )
        if estimate["value"] < least:
            message = f"pass@{k} is {estimate['value']:.4f}, below {least:g}."
            raise BelowThresholdError(message, "The verdicts of all samples are in verdicts.jsonl of the run.")


def find_baseline(settings: ScoreSettings, workspace: Workspace) -> ScoredRun | None:
    """The run of `--fail-if-worse-than`, which is looked up before anything runs.

    Raises:
        UsageError, MissingInputError: there is no such finished score run, or the name fits several.
    """
    name = settings.runtime.fail_if_worse_than
    return None if name is None else scored_run(choose_score_run(workspace, name), name)


def _require_no_worse(artifact: Artifact, name: str) -> None:
    """A paired, one-sided test of the first figure; of held-out rows, of the first one of each task (Holm)."""
    baseline = scored_run(choose_score_run(Workspace(artifact.path.parents[1]), name), name)
    if baseline.artifact.path.resolve() == artifact.path.resolve():
        console.note(f"Not worse than {name}: it is the same run.")
        return
    pair = compare([baseline, scored_run(artifact, artifact.name)], CompareOptions()).comparisons[0].pairs[0]
    tested = list({one.task: one for one in reversed(pair.measures)}.values())
    judged = sorted(zip(holm([one.p_worse for one in tested]), tested, strict=True), key=lambda one: one[0])
    worse = [_told(one, p, name) for p, one in judged if p < ALPHA]
    if worse:
        hint = f"coma compare {name} {artifact.name} -w {artifact.path.parents[1]}"
        raise BelowThresholdError(f"Worse than {name}: {'; '.join(worse)}.", hint)
    p, one = judged[0]
    console.note(f"Not shown to be worse than {name}: {_told(one, p, name)}")


def _told(one: PairedDifference, p: float, name: str) -> str:
    figure = f"{one.task} {title_of(one.measure)}" if one.task else one.measure
    counts = f"{count_of(one.won, 'problem')} won, {one.lost} lost"
    return f"{figure} {100 * one.second:.2f} %, {name} {100 * one.first:.2f} % ({counts}; p = {p:.2g}, one-sided)"
