"""--push-to-hub: which files of a run of build-data are public, and where they go.

Public are the card with its plot, the rows, and the exports. What was dropped stays here (rows under licences that
forbid to pass them on, or with benchmark text, are among it), and so does what describes this machine.
"""

from pathlib import Path

from coma_cli import console
from coma_cli.catalog.licences.kinds import allows
from coma_cli.dataset.card_header import configurations
from coma_cli.dataset.exports import EXPORTS
from coma_cli.dataset.plot import PLOT
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.dataset.summary import BuildDataSummary
from coma_cli.publishing.cards import CARD
from coma_cli.publishing.private_marks import private_marks
from coma_cli.publishing.publish import Payload, Published, Target, publish
from coma_cli.words import count_of
from coma_cli.workspace import Artifact


def target_of(settings: BuildDataSettings) -> Target | None:
    """Where the rows are to be pushed; None if they stay here."""
    if settings.push_to_hub is None:
        return None
    return Target(settings.push_to_hub, "dataset", settings.private)


def push(settings: BuildDataSettings, artifact: Artifact) -> Published | None:
    """Push the public files of a finished run, if the settings say so; raises as `publish`."""
    target = target_of(settings)
    if target is None:
        return None
    summary = BuildDataSummary.model_validate(artifact.summary)
    if not target.private:
        _warn_of_licences(summary)
    rows = summary.rows
    payload = Payload(
        files=public_files(artifact, summary),
        command=artifact.command,
        content_sha256=artifact.content_sha256,
        message=f"coma build-data: {rows.train} training and {count_of(rows.validation, 'validation row')}",
    )
    places = [str(artifact.path), *(entry.path for entry in artifact.inputs)]
    return publish(target, payload, private_marks(places))


def public_files(artifact: Artifact, summary: BuildDataSummary) -> dict[str, Path]:
    """The files of a run that may be published, by their names."""
    outputs = artifact.manifest["outputs"]
    listed = {name for part in configurations(summary, outputs) for names in part.files.values() for name in names}
    chosen = [name for name in outputs if name == CARD or name in listed or name.startswith(f"{EXPORTS}/")]
    return {**{name: artifact.file(name) for name in sorted(chosen)}, PLOT: artifact.path / PLOT}


def _warn_of_licences(summary: BuildDataSummary) -> None:
    doubtful = {name: rows.total for name, rows in summary.licences.items() if not allows("non-commercial-ok", name)}
    if doubtful:
        console.warn(
            f"{count_of(sum(doubtful.values()), 'row')} are published under terms that are unknown or withhold use "
            f"({', '.join(sorted(doubtful)[:4])}); --licences non-commercial-ok drops them, --private hides them."
        )
