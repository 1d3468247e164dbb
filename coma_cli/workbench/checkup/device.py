"""The processor, the memory and the GPU, how fast products are there in each dtype, and whether what uses it imports.

Most of it is found by a process of its own (`imports`), which is started first and asked last: importing takes seconds.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.models.cpu_features import CPU_INFO, multiplies_bfloat16
from coma_cli.models.visible_device import has_gpu_driver
from coma_cli.parallel.machine import cpu_quota, default_workers, memory_mb
from coma_cli.words import count_of, shortened, size_of
from coma_cli.workbench.checkup.diagnosis import Diagnosis, Severity

AREA = "device"
COMMAND = (sys.executable, "-m", "coma_cli.workbench.checkup.imports")
LONGEST_S = 180.0
_TRAIN = "pip install --force-reinstall 'coma-cli[train]'"
_NEEDED_BY_SOME = ("bitsandbytes",)  # --qlora, --int8-lora and 8-bit optimizers
_LITTLE_MEMORY = 4 << 30  # the smallest base and the training of an adapter fit; most else doesn't


class ImportsProcess:
    """The process that imports; what it found is asked with `read`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @classmethod
    def start(cls, command: Sequence[str] = COMMAND) -> "ImportsProcess":
        """Start it."""
        return cls(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))

    def read(self, longest_s: float = LONGEST_S) -> list[Diagnosis]:
        """Wait for what it finds."""
        try:
            output, ended = self._process.communicate(timeout=longest_s)[0], None
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, ended = self._process.communicate()[0], f"takes longer than {longest_s:.0f} s"
        code = self._process.returncode
        if ended is None and code != 0:
            ended = f"ends Python ({_signal(code)})" if code < 0 else f"ends Python (exit code {code})"
        return list(diagnose_imports(_rows(output), ended))

    def close(self) -> None:
        """End it, if nobody waits for it any more."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _signal(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _rows(output: str) -> list[Mapping[str, Any]]:
    """The whole lines; one that was cut off when the process ended is skipped."""
    return [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]


def diagnose_machine(cpu_info: Path = CPU_INFO) -> Iterator[Diagnosis]:
    """Cores, memory, and whether a GPU's driver is loaded."""
    quota = cpu_quota()
    limit = f", of which this process may use {quota:g}" if quota is not None else ""
    bfloat16 = "bfloat16 instructions" if multiplies_bfloat16(cpu_info) else "no bfloat16 instructions"
    workers = default_workers()
    data = {"cores": workers, "quota": quota, "bfloat16": multiplies_bfloat16(cpu_info)}
    yield Diagnosis(AREA, "processor", "ok", f"{count_of(workers, 'core')}{limit}, {bfloat16}", data=data)
    memory = memory_mb() << 20
    if memory < _LITTLE_MEMORY:
        fix = "Use a machine with more memory, or give the container more."
        yield Diagnosis(AREA, "memory", "warning", f"{size_of(memory)}: little for models", fix, memory)
    else:
        yield Diagnosis(AREA, "memory", "ok", size_of(memory), data=memory)


def diagnose_imports(rows: Sequence[Mapping[str, Any]], ended: str | None) -> Iterator[Diagnosis]:
    """What the process found, in its rows; `ended` is how it ended before it was done."""
    trying = None
    for row in rows:
        trying = row.get("trying", trying)
        if "package" in row:
            trying = None
            if row["error"] is not None:
                yield _broken(row["package"], f"can't be imported: {row['error']}")
        if "device" in row:
            yield from _torch(row["device"])
            yield from _speeds(row["gigaflops"])
        if "placement" in row:
            yield from _placement(row["placement"])
    if ended is not None:
        yield _broken(trying or "the packages of models", f"importing or using it {ended}")
    elif not any("package" in row for row in rows):
        yield Diagnosis(AREA, "torch", "note", "not installed, so no models here", "pip install 'coma-cli[train]'")


def _broken(package: str, found: str) -> Diagnosis:
    severity: Severity = "warning" if package in _NEEDED_BY_SOME else "error"
    return Diagnosis(AREA, package, severity, shortened(found, 400), _TRAIN)


def _torch(facts: Mapping[str, Any]) -> Iterator[Diagnosis]:
    gpus = facts["gpus"]
    names = ", ".join(f"{gpu['name']} ({size_of(gpu['memory_bytes'])})" for gpu in gpus)
    threads = f"torch {facts['torch']}, {count_of(facts['threads'], 'thread')}"
    if gpus:
        yield Diagnosis(AREA, "gpu", "ok", names, data=facts)
    elif not has_gpu_driver():
        yield Diagnosis(AREA, "gpu", "note", f"none: models run on the processor ({threads})", data=facts)
    elif facts["cuda"] is None:
        fix = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128"
        found = f"a driver is loaded, and torch {facts['torch']} was built without CUDA"
        yield Diagnosis(AREA, "gpu", "warning", found, fix, facts)
    else:
        found = f"a driver is loaded, and torch {facts['torch']} (CUDA {facts['cuda']}) finds no GPU"
        yield Diagnosis(AREA, "gpu", "warning", found, "nvidia-smi", facts)


def _speeds(gigaflops: Mapping[str, float]) -> Iterator[Diagnosis]:
    if gigaflops:
        told = ", ".join(f"{name} {_flops(speed)}" for name, speed in gigaflops.items())
        yield Diagnosis(AREA, "dtype speed", "ok", f"{told}, measured now", data=dict(gigaflops))


def _flops(gigaflops: float) -> str:
    return f"{gigaflops / 1000:.1f} TFLOP/s" if gigaflops >= 1000 else f"{gigaflops:.0f} GFLOP/s"


def _placement(placement: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """What the default of `sample` is."""
    if "refused" in placement:
        yield Diagnosis(AREA, "placement", "error", placement["refused"], placement["hint"])
        return
    replaced = f" ({'; '.join(placement['replaced'])})" if placement["replaced"] else ""
    found = f"{placement['device']}, {placement['dtype']}{replaced}"
    yield Diagnosis(AREA, "default of sample", "ok", found, data=dict(placement))
