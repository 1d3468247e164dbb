"""Runs of finetune in a workspace of their own, with small settings, and the rows that they train on."""

from pathlib import Path

from coma_cli.jsonl import read_rows
from coma_cli.settings import load_settings
from coma_cli.training import finetune
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Workspace

ROWS = [
    {"instruction": f"Return {n} times x.", "output": f"def f(x):\n    return {n} * x\n" + "#" * n} for n in range(20)
]


class Bench:
    """Runs finetune in a workspace of its own with small settings; keyword arguments are dotted names with `__`."""

    def __init__(self, root: Path, base: Path, data: Path) -> None:
        self.workspace = Workspace(root)
        self.usual = {"base": str(base), "data": [str(data)], "batch.size": 4, "lora.r": 4, "dtype": "float32"}
        self.usual |= {"batch.accumulation": 1, "lora.alpha": 32, "lora.dropout": 0.05}
        self.usual |= {"max_steps": 6, "runtime.save_steps": 2, "optimizer.learning_rate": 1e-2}

    def settings(self, **changes) -> FinetuneSettings:
        flags = {**self.usual, **{name.replace("__", "."): value for name, value in changes.items()}}
        return load_settings(FinetuneSettings, flags=flags)

    def __call__(self, *, kill_after: int | None = None, name: str = "run", force: bool = False, **changes):
        """The manifest of the finished run; with `kill_after`, stop as hard as a process can from inside."""
        settings = self.settings(**changes)
        plan = finetune.plan(settings, self.workspace)
        assert not plan.blockers
        with self.workspace.open_run("finetune", settings, plan, name=name, force=force) as run:
            if kill_after is not None:
                count = run.count_work

                def count_or_die(units: int = 1) -> None:
                    count(units)
                    if run.work_done == kill_after:
                        raise KeyboardInterrupt

                run.count_work = count_or_die
            if run.done:
                return {**self.workspace.newest("finetune").manifest, "work": {"done_since_start": 0}}
            return dict(run.finish(finetune.work(run, settings, plan)).manifest)

    def folder(self, name: str = "run") -> Path:
        return self.workspace.root / "finetune" / name

    def losses(self, name: str = "run") -> list[float]:
        return [row["loss"] for row in read_rows(self.folder(name) / "metrics.jsonl")]


def raising(error):
    def step(*_: object, **__: object) -> None:
        raise error

    return step
