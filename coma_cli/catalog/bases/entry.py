"""The type of a catalogue entry for a base model: where it is published, its shape, its template and LoRA targets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """The sizes that determine the parameter count of a decoder of the LLaMA family.

    `tied` means that the output layer shares the embedding's weights, which are stored once.
    """

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vocabulary: int
    tied: bool = False
    attention_bias: bool = False

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden // self.heads

    def linear_shapes(self) -> dict[str, tuple[int, int]]:
        """(inputs, outputs) of the linear layers of one block, by their names in transformers' LLaMA and Qwen2."""
        keys = self.kv_heads * self.head_size
        return {
            "q_proj": (self.hidden, self.hidden),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (self.hidden, self.hidden),
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
        keys = self.kv_heads * self.head_size
        biases = self.layers * (self.hidden + 2 * keys) if self.attention_bias else 0
        norms = (2 * self.layers + 1) * self.hidden
        return self.linear_parameters + embeddings + biases + norms

    def lora_parameters(self, rank: int, targets: tuple[str, ...] | None = None) -> int:
        """Trainable parameters of LoRA matrices of that rank on the named linear layers of each block (None: all)."""
        shapes = self.linear_shapes()
        chosen = shapes if targets is None else [name for name in targets if name in shapes]
        return self.layers * sum(rank * sum(shapes[name]) for name in chosen)


@dataclass(frozen=True)
class EmbeddedWeights:
    """Weights that a Python package contains as one GGUF file."""

    package: str
    requirement: str
    file: str


@dataclass(frozen=True)
class Base:
    """A base model of the catalogue.

    `revision` is the commit to use, None if it doesn't matter. `template` is the name of finetune's default prompt
    template. `lora_targets` are the linear layers of one block by their names in the loaded model. `layout` names a
    layout of weights that is converted before it is loaded (`qwen`: that of Qwen's models of 2023).
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
    notes: str = ""

    @property
    def url(self) -> str:
        """The URL of the model card."""
        return f"https://huggingface.co/{self.hub_id}"


LLAMA_LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LLAMA_7B = Architecture(hidden=4096, layers=32, heads=32, kv_heads=32, intermediate=11008, vocabulary=32000)
