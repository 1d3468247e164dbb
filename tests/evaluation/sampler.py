"""Runs the stage `sample` in a workspace, for tests of what it leaves."""

from pathlib import Path

from coma_cli.evaluation import sample
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.jsonl import read_rows
from coma_cli.records import Sample
from coma_cli.settings import load_settings
from coma_cli.workspace import Artifact, Workspace


class Sampler:
    """Runs the stage in one workspace with the same settings but for what a call names."""

    def __init__(self, root: Path, **common) -> None:
        self.workspace = Workspace(root)
        self.common = common

    def settings(self, **values) -> SampleSettings:
        flags = {name.replace("__", "."): value for name, value in {**self.common, **values}.items()}
        return load_settings(SampleSettings, flags=flags)

    def plan(self, **values):
        return sample.STAGE.plan(self.settings(**values), self.workspace)

    def __call__(self, *, name: str | None = None, force: bool = False, **values) -> Artifact:
        settings = self.settings(**values)
        plan = sample.STAGE.plan(settings, self.workspace)
        for blocker in plan.blockers:
            raise blocker
        with self.workspace.open_run("sample", settings, plan, name=name, force=force) as run:
            if run.done:
                return run.artifact
            return run.finish(sample.work(run, settings, plan))


def rows_of(artifact: Artifact) -> list[Sample]:
    return [Sample.from_row(row, "samples") for row in read_rows(artifact.file("samples.jsonl"))]
