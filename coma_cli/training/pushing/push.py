"""--push-to-hub of finetune and merge-lora: which files of a run are public, and where they go.

Public are the adapter or the model with its tokenizer and template, GGUF files, the plot of the losses, the card, and
files of results. Settings, manifests and metrics stay here: they describe this machine.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from coma_cli import console
from coma_cli.errors import CliError, UsageError
from coma_cli.publishing.cards import CARD
from coma_cli.publishing.private_marks import private_marks
from coma_cli.publishing.publish import Payload, Published, Target, publish, publish_blocker
from coma_cli.training.plot import PLOT
from coma_cli.training.pushing.lineage import Lineage, lineage_of
from coma_cli.training.pushing.model_card import model_card
from coma_cli.training.pushing.results import result_files, scores_in
from coma_cli.workspace import Artifact


def model_target(name: str | None, *, public: bool) -> Target | None:
    """Where a model is to be pushed; None if it stays here.

    Raises:
        UsageError: `public` without a name.
    """
    if name is None:
        if public:
            raise UsageError("--public is about --push-to-hub, which is not given.", "Add --push-to-hub OWNER/NAME.")
        return None
    return Target(name, "model", private=not public, to_allow="add --public")


def push_blockers(name: str | None, *, public: bool) -> list[CliError]:
    """Why nothing can be pushed there, as far as it is known before the work."""
    target = model_target(name, public=public)
    found = None if target is None else publish_blocker(target)
    return [] if found is None else [found]


def push_notes(name: str | None, *, public: bool) -> list[str]:
    """What is pushed and where, for the plan."""
    target = model_target(name, public=public)
    if target is None:
        return []
    kind = "private" if target.private else "public"
    return [f"The weights, a card and scores go to the {kind} model {target.name} of the Hugging Face Hub"]


def push_model(name: str | None, artifact: Artifact, *, public: bool) -> Mapping[str, Any] | None:
    """Push a finished run, if a name is given: where it is then. Raises as `publish`."""
    target = model_target(name, public=public)
    if target is None:
        return None
    pushed = _push(target, lineage_of(artifact))
    console.note(str(pushed))
    return pushed.to_row()


def _push(target: Target, lineage: Lineage) -> Published:
    artifact = lineage.artifact
    scores = scores_in(lineage.scores)
    texts = {CARD: model_card(lineage, scores, target.name), **result_files(scores, target.name)}
    places = [artifact.path, *(made.path for run in (artifact, *lineage.tunings) for made in run.inputs)]
    with TemporaryDirectory() as folder:
        made = {name: Path(folder) / str(number) for number, name in enumerate(texts)}
        for name, path in made.items():
            path.write_text(texts[name], encoding="utf-8")
        payload = Payload(
            files={**public_files(lineage), **made},
            command=artifact.command,
            content_sha256=artifact.content_sha256,
            message=f"coma {artifact.command}: {lineage.output} of {lineage.base.name}",
        )
        return publish(target, payload, private_marks(str(place) for place in places))


def public_files(lineage: Lineage) -> dict[str, Path]:
    """The files of a run that may be published beside its card, by their names in the repository."""
    artifact = lineage.artifact
    folder = artifact.intact(lineage.output, "--push-to-hub")
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files |= {name: artifact.file(name) for name in artifact.manifest["outputs"] if name.endswith(".gguf")}
    plot = next((tuning.path / PLOT for tuning in lineage.tunings), None)
    return {**files, PLOT: plot} if plot is not None and plot.is_file() else files
