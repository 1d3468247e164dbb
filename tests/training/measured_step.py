"""The peak memory of two training steps of SmolLM2 in this process, beside the estimate; prints one line of JSON.

    python -m tests.training.measured_step MODE LENGTH ROWS kept|recomputed [float32|bfloat16]

Linux only: the peak is `VmHWM`, which is set back before the first step, so that loading does not count.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from coma_cli.corpus.decontamination.training_check import NEVER_CHECKED
from coma_cli.models.loading import DTYPES, Placement
from coma_cli.models.resolution import NO_TRUST, resolve_base
from coma_cli.prompting import choose_template
from coma_cli.settings import load_settings
from coma_cli.training import estimate, requirements
from coma_cli.training.callbacks import TrainingCallback
from coma_cli.training.encoding import EncodedRow
from coma_cli.training.job import TuningJob
from coma_cli.training.memory import Arithmetic
from coma_cli.training.modes import MODES
from coma_cli.training.preparation import prepare
from coma_cli.training.settings import FinetuneSettings
from coma_cli.training.trainer import arguments, train

BASE, STEPS, RANK = "smollm2-135m", 2, 64
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """The largest resident size since `CLEAR` was written."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


class PeakOfSteps(TrainingCallback):
    """Forgets what loading took."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        CLEAR.write_text("5")


def job_of(mode: str, length: int, rows: int, settings: FinetuneSettings) -> TuningJob:
    """Random rows whose second half is the answer, `rows` per step."""
    torch.manual_seed(0)
    encoded = tuple(
        EncodedRow(str(n), tuple(torch.randint(100, 2000, (length,)).tolist()), length // 2)
        for n in range(STEPS * rows)
    )
    batches = tuple(tuple(range(step * rows, (step + 1) * rows)) for step in range(STEPS))
    base, template = resolve_base(BASE), choose_template("alpaca", None)
    return TuningJob(
        MODES[mode], base, NO_TRUST, None, template, encoded, {}, NEVER_CHECKED, settings.batch, batches, STEPS
    )


def main() -> None:
    """Train and compare."""
    mode, length, rows, kept, *dtype = sys.argv[1:]
    placement = Placement("cpu", DTYPES[dtype[0] if dtype else "float32"])
    flags = {"lora.r": RANK, "lora.alpha": 2 * RANK, "lora.dropout": 0.0, "base": BASE, "mode": mode}
    flags |= {"batch.size": int(rows), "batch.accumulation": 1, "runtime.gradient_checkpointing": kept == "recomputed"}
    settings = load_settings(FinetuneSettings, flags=flags)
    job = job_of(mode, int(length), int(rows), settings)
    model = prepare(settings, job.mode, job.resolved, placement, NO_TRUST).model
    with tempfile.TemporaryDirectory() as folder:
        options = {"model": model, "args": arguments(settings, job, placement, Path(folder), STEPS + 1)}
        options["computed_in"] = placement.dtype
        train(options, [list(batch) for batch in job.batches], job.rows, [PeakOfSteps()], None)
    measured = peak_bytes()
    shape = estimate.architecture_of(job.resolved)
    assert shape is not None
    where = estimate.Workplace("the CPU", Arithmetic(on_cpu=True, width=placement.dtype.itemsize))
    found = estimate.estimate(settings, job.mode, shape, 1, requirements.largest_step(job), where)
    figures = {"measured": measured / 1e9, "estimated": found.memory_gb, **found.shown()}
    sys.stdout.write(f"{json.dumps(figures)}\n")


if __name__ == "__main__":
    main()
