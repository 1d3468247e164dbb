"""How much memory a training step takes: one formula for a plan and for a run, from the base's shape.

    weights + optimizer + activations and logits + gradients + what the process or the CUDA context takes

When the backward pass begins there are all activations and no gradients, when it ends it is the other way round, so
on a GPU only the larger of both counts, but for accumulation: then gradients of earlier batches are there all the time.
A CPU's process keeps what it frees. Activations are those that PyTorch saves for the backward pass of transformers'
decoders of the LLaMA family, named one by one; `tests/training/test_memory.py` counts them in real models, and compares
the whole with the peak of real processes on a CPU. The constants of a GPU are assumed.
"""

from dataclasses import dataclass

from coma_cli.catalog.bases.entry import Architecture
from coma_cli.training.modes import Mode
from coma_cli.training.optimizers import OptimizerKind

FOUR_BIT_BYTES = 0.5 + 0.127 / 8  # NF4 and its doubly quantized constants (arXiv 2305.14314, section 3)
EIGHT_BIT_BYTES = 1.0
CPU_PROCESS_BYTES = 0.62e9  # measured: Python with torch, transformers and peft loaded
# glibc's allocator can't reuse the place of a freed aligned tensor for one of the same size while what lies around it
# is kept: what a block's forward pass frees stays with the process. Measured with SmolLM2 in 8 runs (LoRA, QLoRA and
# full tuning, float32 and bfloat16, with and without recomputation): 2.5 to 6 of a block's inner vectors per position.
# Tensors above its largest threshold (malloc's DEFAULT_MMAP_THRESHOLD_MAX) are returned to the system at once.
HOLES = 4.5
RETURNED_FROM_BYTES = 32 << 20
CUDA_CONTEXT_BYTES = 0.6e9  # the context and the workspaces of cuBLAS; assumed
FRAGMENTS = 1.05  # on a GPU, of activations, whose sizes differ from batch to batch


@dataclass(frozen=True)
class StepShape:
    """The largest batch: its positions, padding included, and how many of them have a label.

    `accumulated`: gradients of other batches are added to its own.
    """

    positions: int
    labels: int
    accumulated: bool = False


@dataclass(frozen=True)
class Arithmetic:
    """Where and in what is computed: `width` is the bytes of a value of the computation, 2 or 4."""

    on_cpu: bool
    width: int


@dataclass(frozen=True)
class AdapterShape:
    """What of an adapter decides on memory; `targets` are names of linear layers, None for all."""

    rank: int
    dropout: bool
    targets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MemoryParts:
    """Bytes by what takes them; `apart` means that there are never all gradients and all activations at once."""

    weights: float
    optimizer: float
    gradients: float
    activations: float
    process: float
    apart: bool

    @property
    def total(self) -> float:
        """The peak."""
        both = (self.gradients, self.activations)
        return self.weights + self.optimizer + (max(both) if self.apart else sum(both)) + self.process


def memory_of(
    shape: Architecture,
    mode: Mode,
    adapter: AdapterShape,
    optimizer: OptimizerKind,
    step: StepShape,
    arithmetic: Arithmetic,
    *,
    recomputed: bool,
    devices: int = 1,
) -> MemoryParts:
    """The peak of one device; over several, the state of full tuning is sharded and an adapter is copied."""
    trainable = trainable_parameters(shape, mode, adapter)
    shards = 1 if mode.adapter else devices
    copies = 0 if mode.adapter or arithmetic.width == 4 else arithmetic.width * _multiplied(shape)  # autocast's
    return MemoryParts(
        weights=_weight_bytes(shape, mode, arithmetic) / shards + (4.0 * trainable if mode.adapter else 0.0),
        optimizer=optimizer.moment_bytes * trainable / shards,
        gradients=4.0 * trainable / shards,
        activations=_activation_bytes(shape, mode, adapter, step, arithmetic, recomputed) + copies,
        process=CPU_PROCESS_BYTES if arithmetic.on_cpu else CUDA_CONTEXT_BYTES,
        apart=not (arithmetic.on_cpu or step.accumulated),
    )


def trainable_parameters(shape: Architecture, mode: Mode, adapter: AdapterShape) -> int:
    """Parameters that are trained."""
    return shape.lora_parameters(adapter.rank, adapter.targets) if mode.adapter else shape.parameters


def _multiplied(shape: Architecture) -> int:
    """Weights of matrix products: those of the blocks, and of the output layer."""
    return shape.linear_parameters + shape.vocabulary * shape.hidden


def _weight_bytes(shape: Architecture, mode: Mode, arithmetic: Arithmetic) -> float:
    if not mode.adapter:
        return 4.0 * shape.parameters
    if not mode.quantized:
        return float(arithmetic.width * shape.parameters)
    linear = shape.linear_parameters
    stored = FOUR_BIT_BYTES if mode.four_bit else EIGHT_BIT_BYTES
    return linear * stored + (shape.parameters - linear) * arithmetic.width


def _activation_bytes(
    shape: Architecture,
    mode: Mode,
    adapter: AdapterShape,
    step: StepShape,
    arithmetic: Arithmetic,
    recomputed: bool,
) -> float:
    """All blocks' saved values, or with recomputation one hidden vector for each and all of one block; the logits."""
    block = _saved_per_position(shape, mode, adapter, arithmetic)
    inner = arithmetic.width * shape.intermediate
    working = 4 * inner  # gradients of a block's inner vectors during its backward pass
    kept = shape.layers * shape.hidden * arithmetic.width + block if recomputed else shape.layers * block
    # Of each label the logits, those picked of them, and the float32 copy and softmax of the loss.
    per_label = shape.vocabulary * (2 * arithmetic.width + 8 if arithmetic.width == 2 else 12)
    live = step.positions * (kept + working) + step.labels * per_label
    if not arithmetic.on_cpu:
        return FRAGMENTS * live
    holes = HOLES * inner * shape.layers if step.positions * inner < RETURNED_FROM_BYTES else 0.0
    return live + step.positions * holes


def _saved_per_position(shape: Architecture, mode: Mode, adapter: AdapterShape, arithmetic: Arithmetic) -> float:
    """Bytes that one block saves for one position: what PyTorch keeps, tensor by tensor."""
    width, hidden, inner = arithmetic.width, shape.hidden, shape.intermediate
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    norms = 2 * 4 * hidden  # both are computed in float32 and save their input
    attention = width * (2 * queries + 2 * keys) + 4 * shape.heads  # q, result, k, v, and log-sums
    mlp = width * 3 * inner if shape.gated else width * inner  # gate, its SiLU, and up; or the input of GELU
    if not mode.adapter:  # norms save what their weight multiplies; under autocast each layer has a copy of its input
        copies = 5 if width == 2 else 2
        return 2 * norms + attention + width * (copies * hidden + inner) + mlp
    shapes = shape.linear_shapes()
    adapted = [name for name in shapes if adapter.targets is None or name in adapter.targets]
    if adapter.dropout:  # every layer has an input of its own, and the mask: of values on a CPU, of bytes on a GPU
        lora = sum(shapes[name][0] for name in adapted) * (width + (width if arithmetic.on_cpu else 1))
    else:  # layers that read the same vector share it: q, k and v; gate and up; o the result of the attention
        lora = width * sum({_reads(name): shapes[name][0] for name in adapted if name != "o_proj"}.values())
    return norms + attention + mlp + lora + width * adapter.rank * len(adapted)


def _reads(name: str) -> str:
    """What a layer reads, by its name in transformers."""
    return {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}.get(name, name)
