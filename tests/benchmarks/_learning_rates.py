"""Which learning rate and scaling of LoRA suit a base: the sweep behind `configs/finetune/modern.yaml`.

    python -m tests.benchmarks._learning_rates [--steps 40] [--rates 2e-4,5e-4,1e-3,2e-3] [--schedules constant,cosine]

SmolLM2-135M, rank 32 in all linear layers, batch 8, the rows of CodeAlpaca with at most 256 tokens, a tenth of which is
held out: the loss on 100 of those after the last step, and the least of any validation. Each run is a `coma finetune`
of its own; runs that are finished in `--workspace` are only read.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from coma_cli import console
from tests.requirements import SHARED

ROWS = SHARED / "data" / "codealpaca" / "code_alpaca_2k.json"
SCALINGS = {"alpha64": "--lora-alpha 64", "rslora": "--rslora --lora-alpha 32"}
USUAL = (
    "--base smollm2-135m --max-seq-len 256 --batch-size 8 --validation 0.1 --eval-steps 20 --set validation.rows=100"
)
LORA = "--lora --lora-r 32 --lora-dropout 0 --lora-targets all-linear"


class Trial(NamedTuple):
    """One run: its name, and the options that make it different."""

    name: str
    options: str


def trials(asked: argparse.Namespace) -> Iterator[Trial]:
    """Every combination of LoRA's rates, scalings and schedules, and full tuning with rates of its own."""
    for seed, schedule in itertools.product(words(asked.seeds), words(asked.schedules)):
        shape, end = f"--seed {seed} --set optimizer.schedule={schedule}", f"{schedule}-{seed}"
        for scaling, rate in itertools.product(words(asked.scalings), words(asked.rates)):
            options = f"{LORA} {SCALINGS[scaling]} --learning-rate {rate} {shape}"
            yield Trial(f"{scaling}-{rate}-{end}", options)
        for rate in words(asked.full):
            yield Trial(f"full-{rate}-{end}", f"--full --learning-rate {rate} {shape}")


def words(text: str) -> list[str]:
    """A list as it is given on the command line."""
    return [word for word in text.split(",") if word]


def validation_losses(trial: Trial, steps: int, workspace: Path) -> list[float]:
    """The losses of all validations of a run, which is made unless it is there."""
    folder = workspace / "finetune" / trial.name
    words = [*USUAL.split(), *trial.options.split(), "--max-steps", str(steps), "--data", str(ROWS)]
    command = [sys.executable, "-m", "coma_cli", "finetune", *words, "--name", trial.name, "--workspace", workspace]
    done = subprocess.run([*map(str, command), "--json"], capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise RuntimeError(f"{trial.name}: {done.stderr[-2000:]}")
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["validation_loss"] for row in rows if row.get("validation_loss") is not None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the runs that are missing and print one table."""
    parser = argparse.ArgumentParser(description="validation losses of learning rates and scalings")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rates", default="2e-4,5e-4,1e-3,2e-3")
    parser.add_argument("--scalings", default=",".join(SCALINGS))
    parser.add_argument("--full", default="", help="learning rates of full tuning")
    parser.add_argument("--schedules", default="constant")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--workspace", type=Path, default=Path("workspace/learning-rates"))
    asked = parser.parse_args(arguments)
    cells = []
    for trial in trials(asked):
        losses = validation_losses(trial, asked.steps, asked.workspace)
        console.note(f"{trial.name}: {' '.join(f'{loss:.4f}' for loss in losses)}")
        cells.append([trial.name, f"{losses[-1]:.4f}", f"{min(losses):.4f}"])
    title = f"{asked.steps} steps of 8 rows of CodeAlpaca"
    console.print_table(title, ("SmolLM2-135M", "validation loss at the end", "least"), cells)


if __name__ == "__main__":
    main()
