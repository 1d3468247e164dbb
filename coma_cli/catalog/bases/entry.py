"""The type of a catalogue entry for a base model: where it is published, its shape, its template and LoRA targets."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """The sizes that determine the parameter count of a decoder of the LLaMA family.

    `tied` means that the output layer shares the embedding's weights, which are stored once. Of other families:
    `head_width` is set where it is not hidden / heads and `head_norms` where queries and keys are normalized (Qwen3);
    StarCoder2 is not `gated`, and `biased` in every linear layer and norm.
    """

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vocabulary: int
    tied: bool = False
    attention_bias: bool = False
    head_width: int | None = None
    head_norms: bool = False
    gated: bool = True
    biased: bool = False

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.head_width or self.hidden // self.heads

    def linear_shapes(self) -> dict[str, tuple[int, int]]:
        """(inputs, outputs) of the linear layers of one block, by their names in transformers."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        attention = {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
        }
        if not self.gated:
            return {**attention, "c_fc": (self.hidden, self.intermediate), "c_proj": (self.intermediate, self.hidden)}
        return {
            **attention,
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def linear_parameters(self) -> int:
        """Number of weights in the linear layers of all blocks, which QLoRA keeps in 4 bits."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear_shapes().values())

    @property
    def parameters(self) -> int:
        """Number of all parameters, including norms and biases."""
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        shapes = self.linear_shapes()
        names = tuple(shapes) if self.biased else ("q_proj", "k_proj", "v_proj") if self.attention_bias else ()
        biases = self.layers * sum(shapes[name][1] for name in names)
        norms = (2 * self.layers + 1) * self.hidden * (2 if self.biased else 1)
        norms += 2 * self.layers * self.head_size if self.head_norms else 0
        return self.linear_parameters + embeddings + biases + norms

    def lora_parameters(self, rank: int, targets: tuple[str, ...] | None = None) -> int:
        """Trainable parameters of LoRA matrices of that rank on the named linear layers of each block (None: all)."""
        shapes = self.linear_shapes()
        chosen = shapes if targets is None else [name for name in targets if name in shapes]
        return self.layers * sum(rank * sum(shapes[name]) for name in chosen)

    def fused_lora_parameters(self, rank: int, targets: tuple[str, ...] | None = None) -> int | None:
        """The same where q, k and v are one layer and share a first matrix; None if they are not adapted alike."""
        fused = {"q_proj", "k_proj", "v_proj"}
        adapted = fused if targets is None else fused & set(targets)
        if adapted != fused:
            return None if adapted else self.lora_parameters(rank, targets)
        return self.lora_parameters(rank, targets) - self.layers * 2 * rank * self.hidden


@dataclass(frozen=True)
class EmbeddedWeights:
    """Weights that a Python package contains as one GGUF file."""

    package: str
    requirement: str
    file: str


@dataclass(frozen=True)
class SpecialTokens:
    """The tokens that begin and end a text and that fill up a batch, as published; None where there is none."""

    begin: str | None
    end: str
    pad: str | None = None


@dataclass(frozen=True)
class TokenizerRepair:
    """What replaces a tokenizer's published settings, which are broken: class, settings, and ids of special tokens."""

    class_name: str
    settings: Mapping[str, str | bool]
    ids: Mapping[str, int | None]


@dataclass(frozen=True)
class Base:
    """A base model of the catalogue.

    `revision` is the commit to use, None if it doesn't matter. `template` is the name of finetune's default prompt
    template. `lora_targets` are the linear layers of one block by their names in the loaded model. `layout` names a
    layout of weights that is converted before it is loaded (`qwen`: that of Qwen's models of 2023). `context` is the
    number of positions that the model was trained for.
    """

    name: str
    hub_id: str
    licence: str
    paper: str
    architecture: Architecture
    template: str
    lora_targets: tuple[str, ...]
    revision: str | None = None
    dtype: str = "bfloat16"
    remote_code: bool = False
    layout: str | None = None
    embedded: EmbeddedWeights | None = None
    context: int | None = None
    special_tokens: SpecialTokens | None = None
    tokenizer_repair: TokenizerRepair | None = None
    notes: str = ""

    @property
    def url(self) -> str:
        """The URL of the model card."""
        return f"https://huggingface.co/{self.hub_id}"


LLAMA_LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LLAMA_7B = Architecture(hidden=4096, layers=32, heads=32, kv_heads=32, intermediate=11008, vocabulary=32000)
LLAMA_TOKENS = SpecialTokens("<s>", "</s>")
