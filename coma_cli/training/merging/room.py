"""What a merge takes of this machine, before anything is loaded: disk for its files, memory for its comparison."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from coma_cli.catalog.bases.entry import Architecture
from coma_cli.errors import CliError, MissingInputError
from coma_cli.models.hub import weight_count
from coma_cli.models.resolution import ResolvedBase
from coma_cli.models.safetensors_header import tensor_shapes
from coma_cli.parallel.machine import memory_mb
from coma_cli.words import size_of

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
GGUF_BYTES = {"f16": 2.0, "q8_0": 34 / 32}
_POSITIONS = 250  # of a probe, at most about
_INTERPRETER = 900_000_000  # Python with torch, transformers and peft


@dataclass(frozen=True)
class Room:
    """Bytes that a merge needs on the disk and in memory."""

    disk: int
    memory: int

    def blockers(self, root: Path, there: int | None = None) -> list[CliError]:
        """Why the merge does not fit here; `there` is the memory of this machine in bytes, if not all of it counts."""
        folder = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
        free = shutil.disk_usage(folder).free
        found = []
        if self.disk > free:
            found.append(
                CliError(
                    f"The merge needs {size_of(self.disk)} on the disk, and {folder} has {size_of(free)} left.",
                    "Free some space, or choose another --workspace.",
                )
            )
        memory = memory_mb() * 1_048_576 if there is None else there
        if self.memory > memory:
            found.append(
                CliError(
                    f"The comparison with base and adapter needs {size_of(self.memory)} of memory, and this machine "
                    f"has {size_of(memory)}.",
                    "Merge in --dtype bf16, or on a larger machine.",
                )
            )
        return found


def room_for(
    parameters: int, shape: Architecture | None, *, stored: str, dtype: str, probes: int, bases: int, gguf: str | None
) -> Room:
    """What a merge into `dtype` takes, compared on `probes` with adapters on `bases` bases stored in `stored`.

    On the disk: the model, the logits to compare, a GGUF file. In memory: one model as it is stored, the embeddings
    while they are used, twice as wide, and six sets of logits of a probe.
    """
    vocabulary = shape.vocabulary if shape else 152_000
    hidden = shape.hidden if shape else 4096
    logits = probes * bases * _POSITIONS * vocabulary * 4
    extra = math.ceil(parameters * GGUF_BYTES[gguf]) if gguf else 0
    weights = parameters * max(BYTES[stored], BYTES[dtype])
    return Room(
        disk=parameters * BYTES[dtype] + logits + extra,
        memory=weights + vocabulary * hidden * 2 * BYTES[dtype] + 6 * _POSITIONS * vocabulary * 4 + _INTERPRETER,
    )


def parameters_of(resolved: ResolvedBase, shape: Architecture | None) -> int | None:
    """How many parameters a base has: of the catalogue, of its files, or as the Hub says; None if nothing says it."""
    if shape is not None:
        return shape.parameters
    if resolved.kind == "hub":
        return weight_count(resolved.path_or_id, resolved.revision)
    files = sorted(Path(resolved.path_or_id).glob("*.safetensors"))
    try:
        return sum(math.prod(of) for file in files for of in tensor_shapes(file).values()) or None
    except MissingInputError:
        return None
