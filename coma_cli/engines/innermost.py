"""Looks through wrappers of a model: an adapter's `PeftModel` and a compiled module hide its signature and attributes.

Their `forward` takes `*args, **kwargs`, so arguments chosen by its signature would be dropped without a word:
positions, and `logits_to_keep`, without which a prompt's logits are computed for all of its tokens.
"""

import inspect
from typing import Any


def innermost(model: Any) -> Any:
    """The transformers model inside."""
    while True:
        if hasattr(model, "_orig_mod"):  # torch.compile
            model = model._orig_mod
        elif hasattr(model, "peft_config") and hasattr(model, "get_base_model"):
            model = model.get_base_model()
        else:
            return model


def accepted(model: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options that the model inside takes by name."""
    names = inspect.signature(innermost(model).forward).parameters.keys()
    return {name: value for name, value in options.items() if name in names}
