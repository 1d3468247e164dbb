"""The base models that coma knows by name; any local folder and any Hub id work as well.

`models.resolution.resolve_base` turns what the user named into a `ResolvedBase` without loading anything;
`models.loading` (imported lazily: it needs the train extra) turns that into a tokenizer and a model.
"""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.bases import (
    codellama_7b_python,
    llama_7b,
    qwen2_5_coder,
    qwen_7b,
    smollm2_135m,
    wizardcoder_python_7b,
)
from coma_cli.catalog.bases.entry import Base

BASES: Mapping[str, Base] = index(
    smollm2_135m.BASE,
    qwen_7b.BASE,
    codellama_7b_python.BASE,
    wizardcoder_python_7b.BASE,
    llama_7b.BASE,
    *qwen2_5_coder.BASES,
)
DEFAULT_BASE = smollm2_135m.BASE.name
