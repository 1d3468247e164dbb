"""Speed of `coma finetune` beside TRL's SFTTrainer and a plain training step, on the same model and rows.

    python -m tests.benchmarks.finetune [--steps 6] [--trl-python PYTHON] [--sides coma,plain,trl]

SmolLM2-135M, LoRA rank 64 in all linear layers, CodeAlpaca's rows of at most 512 tokens, batch 6 x 2, no dropout, no
gradient checkpointing; each side in a process of its own and in the dtype that this CPU trains faster in. Tokens are
useful ones: padding does not count. TRL (1.16) is asked for bf16 and no gradient checkpointing in so many words; it
and coma's `padding` see the same rows in the same order, so that their losses can be compared. TRL is measured where
`--trl-python` has it: it pins nothing that coma needs, but is no dependency of it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli import console
from coma_cli.models.loading import choose_placement, load_tokenizer
from coma_cli.models.resolution import resolve_base
from coma_cli.prompting import chat_template_of
from coma_cli.training.encoding import encode_row
from coma_cli.training.examples import TrainingRow
from tests.benchmarks._finetune_side import BASE, LONGEST
from tests.requirements import SHARED

ROWS = SHARED / "data" / "codealpaca" / "code_alpaca_2k.json"
COMA, PLAIN, TRL = "coma, rows of similar length", "plain step, the same rows", "TRL, default"


class Side(NamedTuple):
    """Something that is measured: a way of `_finetune_side` and its batching."""

    way: str
    batching: str


SIDES = {
    COMA: Side("coma", "length"),
    PLAIN: Side("plain", "length"),
    "coma, padding": Side("coma", "padding"),
    "coma, packing": Side("coma", "packing"),
    TRL: Side("trl", "padding"),
    "TRL, packing": Side("trl", "packing"),
}


def write_rows(path: Path) -> int:
    """Write the rows as token ids with the beginning of their answers; their number."""
    tokenizer = load_tokenizer(resolve_base(BASE))
    template = chat_template_of(tokenizer)
    rows = [
        encode_row(TrainingRow(str(n), "", row["instruction"], row["input"], row["output"]), template, tokenizer)
        for n, row in enumerate(json.loads(ROWS.read_text()))
        if row["output"].strip()
    ]
    fitting = [[list(row.ids), row.answer_start] for row in rows if len(row.ids) <= LONGEST]
    path.write_text(json.dumps(fitting))
    return len(fitting)


def measured(python: str, side: Side, rows: Path, steps: int, dtype: str) -> dict[str, Any]:
    """The figures of one side; its error stops the measurement."""
    words = ["-m", "tests.benchmarks._finetune_side", side.way, str(rows), str(steps), dtype, side.batching]
    done = subprocess.run([python, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side}: {done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description="coma finetune beside TRL and a plain step")
    parser.add_argument("--steps", type=int, default=6, help="steps, of which the first is not timed")
    parser.add_argument("--trl-python", default=sys.executable)
    parser.add_argument("--sides", default="coma,plain,trl", help="which ways to measure")
    parser.add_argument("--dtype", default=choose_placement("cpu", training=True).dtype_name)
    asked = parser.parse_args(arguments)
    ways = asked.sides.split(",")
    has_trl = not subprocess.run([asked.trl_python, "-c", "import trl"], capture_output=True, check=False).returncode
    if "trl" in ways and not has_trl:
        console.note("TRL is not installed there: --trl-python names a Python that has it (pip install trl==1.16.0)")
        ways.remove("trl")
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows.json")
        count = write_rows(rows)
        for name, side in SIDES.items():
            if side.way in ways:
                python = asked.trl_python if side.way == "trl" else sys.executable
                found[name] = measured(python, side, rows, asked.steps, asked.dtype)
                console.note(f"{name}: {found[name]['tokens'] / found[name]['wall_s']:.0f} useful tokens/s")
    show(asked, count, found)


def show(asked: Any, count: int, found: dict[str, dict[str, Any]]) -> None:
    """Print the table, and how coma compares."""
    cells = [
        [
            name,
            f"{one['tokens'] / one['wall_s']:.1f}",
            f"{one['tokens'] / one['processor_s']:.1f}",
            f"{one['peak_mib']:.0f}",
            f"{one['losses'][-1]:.4f}",
        ]
        for name, one in found.items()
    ]
    title = f"{count} rows of CodeAlpaca, {asked.steps - 1} timed steps of 6 x 2, {asked.dtype}"
    columns = ("SmolLM2-135M, LoRA rank 64, CPU", "useful tokens/s", "per CPU second", "peak MiB", "last loss")
    console.print_table(title, columns, cells)
    for other in (PLAIN, TRL, "TRL, packing"):
        if COMA in found and other in found:
            times = [rate(found[COMA], key) / rate(found[other], key) for key in ("wall_s", "processor_s")]
            console.note(f"{COMA} / {other}: {times[0]:.2f} of the clock, {times[1]:.2f} of the processors")


def rate(figures: dict[str, Any], key: str) -> float:
    """Useful tokens per second."""
    return float(figures["tokens"] / figures[key])


if __name__ == "__main__":
    main()
