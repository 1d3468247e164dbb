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
        "smollm2-135m": "smollm2_135m:BASE",
        "qwen-7b": "qwen_7b:BASE",
        "qwen-7b-original": "qwen_7b:ORIGINAL",
        "codellama-7b-python": "codellama_7b_python:BASE",
        "wizardcoder-python-7b": "wizardcoder_python_7b:BASE",
        "llama-7b": "llama_7b:BASE",
        "qwen2.5-coder-0.5b": "qwen2_5_coder:SMALL",
        "qwen2.5-coder-1.5b": "qwen2_5_coder:MEDIUM",
        "qwen2.5-coder-7b": "qwen2_5_coder:LARGE",
    },
)
DEFAULT_BASE = "smollm2-135m"
