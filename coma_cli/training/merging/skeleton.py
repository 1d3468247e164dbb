"""A base without its weights, with the adapter's layers in place: merges one tensor of the base at a time.

peft builds its own layers around modules that have shapes only, and loads the adapter into them. A tensor of the base
is then put into its layer, merged by peft's own code and taken out again, so that rank and alpha patterns, rsLoRA,
DoRA, transposed layers, biases, saved modules and trained tokens are computed as peft computes them. What peft can't
merge, or what changes the base beforehand, is refused by name. Import inside functions: it needs the train extra.
"""

import warnings
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from coma_cli.errors import UsageError
from coma_cli.models.adapters import Adapter, check_shapes, layer_shapes
from coma_cli.models.embeddings import OUTPUT, check_vocabulary, resized_rows
from coma_cli.training.merging.mergeable import check_mergeable
from coma_cli.training.merging.rounding import BaseRounding

_ADAPTER = "default"
_FULL_PRECISION = "Name the full-precision base with --base."


@dataclass
class Skeleton:
    """Names and shapes of a base's parameters, and the adapter's layers.

    `shapes` are those of the merged model, which may have more rows of embeddings than the base. `tied` is
    the output layer's weight if the base shares it with `embedding`. `rounded` are the layers that training saw in
    fewer bits, by `rounding`.
    """

    model: Any
    adapted: Any
    shapes: Mapping[str, tuple[int, ...]]
    embedding: str
    tied: str | None
    rounded: frozenset[str] = frozenset()
    rounding: BaseRounding | None = None
    _renamings: list[Any] = field(default_factory=list)
    _converters: list[Any] = field(default_factory=list)

    def name_of(self, stored: str) -> str | None:
        """The parameter that a tensor of the base's files holds; None for one that the model does not have.

        Raises:
            UsageError: transformers would join it with others, so it can't be merged by itself.
        """
        from transformers.core_model_loading import rename_source_key

        prefix = self.model.base_model_prefix
        known = dict.fromkeys(self.shapes, True)
        name, joined = rename_source_key(stored, self._renamings, self._converters, prefix, known)
        if joined is not None:
            raise UsageError(
                f"transformers joins {stored} of this base with other tensors when it loads them: "
                f"{self.model.config.model_type} can't be merged shard by shard.",
                "Merge with peft's merge_and_unload, or choose another base.",
            )
        return name if name in self.shapes else None

    def holds(self, name: str) -> str | None:
        """The second name of a tied tensor that the merged model needs as well; None if one name is enough."""
        return self.tied if self.tied in self.shapes and name == self.embedding else None

    @property
    def unties(self) -> bool:
        """Whether embedding and output layer are shared by the base and differ after the merge.

        Merged into shared weights, a change of one would also affect the other, which the adapter did not adapt.
        """
        if self.tied is None:
            return False
        ends = [_Place.of(self.adapted, name) for name in (self.embedding, self.tied)]
        if not any(end.changes for end in ends):
            return False
        replaced = [end.replacement for end in ends]
        alone = not any(end.layer is not None for end in ends)
        if alone and replaced[0] is not None and replaced[1] is not None:
            return not torch.equal(replaced[0], replaced[1])
        return not ends[1].is_tied

    def merged(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """One tensor of the base after the merge, in float32 if it is a floating point one.

        Raises:
            UsageError: the tensor contains values that are not finite, or has another shape.
        """
        place = _Place.of(self.adapted, name)
        if place.replacement is not None:
            tensor = place.replacement
        if tuple(tensor.shape) != self.shapes[name]:
            raise UsageError(
                f"{name} of this base has the shape {tuple(tensor.shape)}, its configuration says {self.shapes[name]}.",
                "Download the whole base again.",
            )
        if not tensor.is_floating_point():
            return tensor
        if self.rounding and name.removesuffix(".weight") in self.rounded and name.endswith(".weight"):
            tensor = self.rounding.of(tensor, transposed=place.is_transposed)
        try:
            return place.merged(tensor.float())
        except ValueError as error:
            if "NaN" not in str(error):
                raise
            raise UsageError(
                f"{name} contains values that are not finite.", "Download the whole base again."
            ) from error


@dataclass(frozen=True)
class _Place:
    """Where a parameter is in the adapted model: its module, the adapter's layer around that, and its name there.

    `replacement` is a value that the adapter brings along for the whole parameter.
    """

    inner: Any
    layer: Any
    attribute: str
    replacement: Any
    is_tied: bool

    @classmethod
    def of(cls, adapted: Any, name: str) -> "_Place":
        *path, attribute = name.split(".")
        module, layer, tied = adapted.get_base_model(), None, False
        for part in [*path, None]:
            module, layer, tied = _unwrapped(module)
            if part is not None:
                module = getattr(module, part)
        value = getattr(module, attribute)
        brought = None if _is_filler(value) else value.detach()
        return cls(module, layer, attribute, brought, tied)

    @property
    def is_transposed(self) -> bool:
        """Whether the weight is stored as (inputs, outputs)."""
        return type(self.inner).__name__ == "Conv1D"

    @property
    def changes(self) -> bool:
        return self.layer is not None or self.replacement is not None

    def merged(self, tensor: torch.Tensor) -> torch.Tensor:
        """`tensor` (float32) in this place, merged by peft."""
        layer = self.layer
        if layer is None:
            return tensor
        if self.attribute == "bias":
            return _with_bias(layer, tensor)
        if self.attribute != "weight":
            return tensor
        inner = layer.get_base_layer()
        kept, biases = inner.weight, getattr(layer, "lora_bias", {})
        had_bias = dict(biases)
        inner.weight = torch.nn.Parameter(tensor.clone(), requires_grad=False)
        biases.update(dict.fromkeys(biases, False))  # the bias comes by itself, perhaps from another shard
        try:
            layer.merge(safe_merge=True)
            return inner.weight.detach()
        finally:
            inner.weight = kept
            layer.merged_adapters.clear()
            biases.update(had_bias)


def _unwrapped(module: Any) -> tuple[Any, Any, bool]:
    """The innermost module, peft's layer around it if any, and whether the adapter ties that to the embedding."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import ModulesToSaveWrapper, TrainableTokensWrapper

    layer, tied = None, False
    while True:
        if isinstance(module, ModulesToSaveWrapper):
            module = module.modules_to_save[_ADAPTER]
        elif isinstance(module, TrainableTokensWrapper):
            module = module.token_adapter
        elif isinstance(module, BaseTunerLayer):
            layer, tied = module, getattr(module, "tied_adapter", None) is not None
            module = module.get_base_layer()
        else:
            return module, layer, tied


def _with_bias(layer: Any, bias: torch.Tensor) -> torch.Tensor:
    """A bias with that of matrix B, where the adapter has one (`lora_bias`)."""
    if not getattr(layer, "lora_bias", {}).get(_ADAPTER):
        return bias
    return bias + layer.lora_B[_ADAPTER].bias.detach().float() * layer.scaling[_ADAPTER]


def build(adapter: Adapter, config: Any, *, trust_remote_code: bool, rounding: BaseRounding | None) -> Skeleton:
    """The skeleton of a base with this configuration; the adapter is checked against it before a weight is read.

    `rounding` is None for a base that is not rounded.

    Raises:
        UsageError: the adapter is of another base, or of a kind that can't be merged.
    """
    import transformers
    from accelerate import init_empty_weights
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightRenaming

    check_mergeable(adapter)
    if getattr(config, "quantization_config", None) is not None:
        raise UsageError("The weights of this base are stored in fewer bits, which can't be merged.", _FULL_PRECISION)
    before = config.vocab_size
    config.vocab_size = resized_rows(adapter, before)
    with init_empty_weights(include_buffers=False):
        model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    _fill(model)
    model.tie_weights()
    check_shapes(adapter, layer_shapes(model))
    check_vocabulary(adapter, config.vocab_size)
    rounded = frozenset() if rounding is None else rounding.layers(model)
    names = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    embedding, tied = _input_name(model), _tied_name(model)
    names.pop(tied or "", None)
    mapping = get_model_conversion_mapping(model)
    renamings = [entry for entry in mapping if isinstance(entry, WeightRenaming)]
    converters = [entry for entry in mapping if not isinstance(entry, WeightRenaming)]
    adapted = _with_layers(model, adapter)
    skeleton = Skeleton(model, adapted, names, embedding, tied, rounded, rounding, renamings, converters)
    if tied is not None and skeleton.unties:
        skeleton.shapes = {**names, tied: names[embedding]}
    return skeleton


def _with_layers(model: Any, adapter: Adapter) -> Any:
    import peft

    config = peft.LoraConfig.from_pretrained(str(adapter.folder))
    config.init_lora_weights = True  # the matrices are read; the other ways need the base's weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = peft.PeftModel.from_pretrained(
            model, str(adapter.folder), config=config, low_cpu_mem_usage=True, torch_device="cpu"
        ).eval()
    own = [value for value in adapted.parameters() if not _is_filler(value)]
    if not all(bool(value.isfinite().all()) for value in own):
        raise UsageError("The adapter contains values that are not finite.", "Train it again.")
    expected = peft.get_peft_model_state_dict(adapted, save_embedding_layers=False)
    if absent := sorted(expected.keys() - adapter.shapes.keys()):
        raise UsageError(f"{adapter.folder} lacks {absent[0]} and {len(absent) - 1} more.", "Copy the whole folder.")
    return adapted


def _fill(model: Any) -> None:
    """Replace parameters on the meta device by zeros that share one element, so that peft keeps its own on the CPU."""
    for module in model.modules():
        for name, value in module.named_parameters(recurse=False):
            module.register_parameter(
                name, torch.nn.Parameter(torch.zeros(()).expand(value.shape), requires_grad=False)
            )


def _is_filler(value: torch.Tensor) -> bool:
    return value.dim() > 0 and not any(value.stride())


def _input_name(model: Any) -> str:
    embedding = model.get_input_embeddings()
    return next(f"{name}.weight" for name, module in model.named_modules() if module is embedding)


def _tied_name(model: Any) -> str | None:
    """The name of the output layer's weight if it is that of the embedding."""
    output = model.get_output_embeddings()
    if output is None or output.weight is not model.get_input_embeddings().weight:
        return None
    return next((f"{name}.weight" for name, module in model.named_modules() if module is output), OUTPUT)


def missing_weights(skeleton: Skeleton, found: set[str]) -> list[str]:
    """Parameters of the model that no file of the base holds."""
    return sorted(set(skeleton.shapes) - found)


def iterate(
    skeleton: Skeleton, stored: Iterator[tuple[str, torch.Tensor]], wanted: Container[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and merged tensors of the tensors in one file of the base, in their order, each once."""
    given: set[str] = set()
    for key, tensor in stored:
        name = skeleton.name_of(key)
        for each in (name, None if name is None else skeleton.holds(name)):
            if each is not None and each in wanted and each not in given:
                given.add(each)
                yield each, skeleton.merged(each, tensor)
