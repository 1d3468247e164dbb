"""The base models that coma knows by name; any local folder and any Hub id work as well.

To add one: a file, a line here, a test. `models.resolution` turns what the user named into one definite model.
"""

from collections.abc import Mapping

from coma_cli.catalog import Catalogue
from coma_cli.catalog.bases.entry import Base

BASES: Mapping[str, Base] = Catalogue(
    Base,
    __name__,
    {
        "smollm2-135m": "smollm2:BASE",
        "smollm2-360m": "smollm2:MEDIUM",
        "smollm2-1.7b": "smollm2:LARGE",
        "qwen-7b": "qwen_7b:BASE",
        "qwen-7b-original": "qwen_7b:ORIGINAL",
        "codellama-7b-python": "codellama_7b_python:BASE",
        "wizardcoder-python-7b": "wizardcoder_python_7b:BASE",
        "llama-7b": "llama_7b:BASE",
        "llama-7b-decapoda": "llama_7b:DECAPODA",
        "qwen2.5-coder-0.5b": "qwen2_5_coder:SMALL",
        "qwen2.5-coder-1.5b": "qwen2_5_coder:MEDIUM",
        "qwen2.5-coder-3b": "qwen2_5_coder:THREE_B",
        "qwen2.5-coder-7b": "qwen2_5_coder:LARGE",
        "qwen2.5-coder-14b": "qwen2_5_coder:LARGEST",
        "qwen3-0.6b": "qwen3:SMALL",
        "qwen3-1.7b": "qwen3:MEDIUM",
        "qwen3-4b": "qwen3:LARGE",
        "starcoder2-3b": "starcoder2:SMALL",
        "starcoder2-7b": "starcoder2:MEDIUM",
        "deepseek-coder-1.3b": "deepseek_coder:SMALL",
        "deepseek-coder-6.7b": "deepseek_coder:LARGE",
    },
)
DEFAULT_BASE = "smollm2-135m"
