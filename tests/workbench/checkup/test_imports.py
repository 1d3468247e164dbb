import json
import subprocess
import sys

import pytest

from coma_cli.workbench.checkup.imports import gpu_gigaflops, import_error
from tests.requirements import package


def test_what_a_package_prints_and_raises_is_no_finding(tmp_path):
    """The process finds a `torch` that is broken, and no other package."""
    (tmp_path / "torch.py").write_text("print('noise')\nraise OSError('libcuda.so:\\n  wrong ELF class')\n")
    script = "import importlib.util as util, sys\nfind = util.find_spec\n"
    script += "util.find_spec = lambda name, *_: find(name) if name == 'torch' else None\n"
    script += f"sys.path.insert(0, {str(tmp_path)!r})\nfrom coma_cli.workbench.checkup.imports import main\nmain()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"trying": "torch"},
        {"package": "torch", "error": "OSError: libcuda.so: wrong ELF class"},
    ]
    assert "noise" in done.stderr


def test_the_error_of_an_import():
    assert import_error("json") is None
    assert import_error("no_such_package_here").startswith("ModuleNotFoundError: No module named")


@pytest.mark.slow
def test_a_product_on_a_gpu_is_timed():
    """On the processor, where its code can be tried."""
    package("torch", "train")
    import torch

    assert gpu_gigaflops(torch.float32, "cpu", 64) > 0
