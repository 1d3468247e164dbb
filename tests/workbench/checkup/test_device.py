import json
import sys

import pytest

from coma_cli.workbench.checkup import device
from coma_cli.workbench.checkup.device import ImportsProcess, diagnose_imports, diagnose_machine

FACTS = {"torch": "2.9", "cuda": None, "threads": 2, "gpus": []}
GPU = {"name": "H200", "memory_bytes": 150_000_000_000}


def told(rows, ended=None):
    return {one.name: (one.severity, one.found, one.fix) for one in diagnose_imports(rows, ended)}


def read(script, longest_s=20.0):
    process = ImportsProcess.start([sys.executable, "-c", script])
    return {one.name: (one.severity, one.found) for one in process.read(longest_s)}


def test_a_package_that_ends_python_is_named():
    script = 'import os, signal\nprint(\'{"trying": "torch"}\', flush=True)\nos.kill(os.getpid(), signal.SIGILL)'
    assert read(script) == {"torch": ("error", "importing or using it ends Python (SIGILL)")}


def test_a_package_that_exits_or_hangs_is_named_and_what_was_found_before_is_kept():
    before = [{"trying": "torch"}, {"package": "torch", "error": None}, {"trying": "peft"}]
    script = f"import sys, time\nfor row in {[json.dumps(row) for row in before]!r}: print(row, flush=True)\n"
    assert read(f"{script}sys.exit(3)") == {"peft": ("error", "importing or using it ends Python (exit code 3)")}
    assert read(f"{script}time.sleep(60)", 1.0) == {"peft": ("error", "importing or using it takes longer than 1 s")}


def test_a_line_that_was_cut_off_is_skipped():
    assert read("print('{\"trying\": \"torch\"}'); print('{\"pack', end='')") == {
        "torch": ("note", "not installed, so no models here")
    }


def test_the_process_is_ended_where_nobody_waits_for_it():
    process = ImportsProcess.start([sys.executable, "-c", "import time; time.sleep(60)"])
    process.close()
    process.close()


def test_a_package_that_can_not_be_imported_is_broken_and_one_that_few_need_a_warning():
    rows = [{"trying": name} | {"package": name, "error": "OSError: libfoo"} for name in ("peft", "bitsandbytes")]
    found = told(rows)
    fix = "pip install --force-reinstall 'coma-cli[train]'"
    assert found["peft"] == ("error", "can't be imported: OSError: libfoo", fix)
    assert found["bitsandbytes"] == ("warning", "can't be imported: OSError: libfoo", fix)


def test_without_torch_models_are_optional():
    assert told([]) == {"torch": ("note", "not installed, so no models here", "pip install 'coma-cli[train]'")}


@pytest.mark.parametrize(
    ("facts", "driver", "severity", "said"),
    [
        ({}, False, "note", "none: models run on the processor (torch 2.9, 2 threads)"),
        ({}, True, "warning", "built without CUDA"),
        ({"cuda": "12.8"}, True, "warning", "torch 2.9 (CUDA 12.8) finds no GPU"),
        ({"cuda": "12.8", "gpus": [GPU]}, True, "ok", "H200 (150.0 GB)"),
    ],
)
def test_gpus_and_why_there_are_none(monkeypatch, facts, driver, severity, said):
    monkeypatch.setattr(device, "has_gpu_driver", lambda: driver)
    rows = [{"package": "torch", "error": None}, {"device": {**FACTS, **facts}, "gigaflops": {}}]
    found = told(rows)["gpu"]
    assert found[0] == severity
    assert said in found[1]
    assert (found[2] is not None) == (severity == "warning")


def test_speeds_and_the_default_of_sample():
    rows = [
        {"package": "torch", "error": None},
        {"device": {**FACTS, "gpus": [GPU]}, "gigaflops": {"float32": 67.4, "bfloat16": 650_400.0}},
        {"placement": {"device": "cuda:0", "dtype": "float16", "replaced": ["bfloat16 by float16: why"]}},
    ]
    found = told(rows)
    assert found["dtype speed"][1] == "float32 67 GFLOP/s, bfloat16 650.4 TFLOP/s, measured now"
    assert found["default of sample"][1] == "cuda:0, float16 (bfloat16 by float16: why)"
    refused = told([*rows[:2], {"placement": {"refused": "No kernels.", "hint": "pip install torch"}}])
    assert refused["placement"] == ("error", "No kernels.", "pip install torch")


def test_the_machine_names_cores_and_memory(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("flags : avx512_bf16")
    found = {one.name: one for one in diagnose_machine(tmp_path / "cpuinfo")}
    assert found["processor"].found.endswith("core, bfloat16 instructions") or "cores" in found["processor"].found
    assert found["processor"].data["bfloat16"] is True
    monkeypatch.setattr(device, "memory_mb", lambda: 1000)
    assert {one.name: one.severity for one in diagnose_machine()}["memory"] == "warning"
