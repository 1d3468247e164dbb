"""Which adapters can be merged: some of peft's ways to train change the base first, or more than single weights."""

from coma_cli.errors import UsageError
from coma_cli.models.adapters import Adapter

# Settings of peft's LoRA that are merged as they are; `init_lora_weights` matters where it changes the base.
_NOT_MERGED = (
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "layer_replication",
    "megatron_config",
    "monteclora_config",
    "target_parameters",
    "use_bdlora",
    "use_qalora",
    "velora_config",
)
# Ways to initialise that leave the base as it is; MiCA and EVA take one matrix out of it, and the other is zero.
_INIT_OF_MATRICES_ONLY = (True, False, None, "gaussian", "eva", "mica", "orthogonal")
# Those that subtract the first matrices from the base, which peft can undo if it has them.
_CONVERTED_BY_PEFT = ("pissa", "corda", "olora", "lora_ga")


def check_mergeable(adapter: Adapter) -> None:
    """Refuse what can't be merged into a base as it is published, by its name in the adapter's configuration.

    Raises:
        UsageError: the adapter uses such a setting.
    """
    named = [name for name in _NOT_MERGED if adapter.config.get(name)]
    if named:
        raise UsageError(
            f"{adapter.folder} was trained with {', '.join(named)}, which can't be merged into single weights.",
            f"coma sample --model {adapter.folder}",
        )
    way = adapter.config.get("init_lora_weights", True)
    if way not in _INIT_OF_MATRICES_ONLY:
        raise UsageError(
            f"{adapter.folder} was initialized with {way}, which also changes the base that it belongs to.",
            _hint(adapter, str(way)),
        )


def _hint(adapter: Adapter, way: str) -> str:
    if way.lower().startswith(_CONVERTED_BY_PEFT):
        return (
            "With the adapter as it was saved before the first step, peft makes an ordinary LoRA adapter of it: load "
            "this one as it was trained, then save_pretrained(FOLDER, path_initial_model_for_weight_conversion=FIRST)."
        )
    return f"Merge it with peft's merge_and_unload on the base that {way} made."
