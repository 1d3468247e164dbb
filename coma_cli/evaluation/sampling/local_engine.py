"""The engine of a model that coma runs itself: in this process, or in a worker process on each of several devices."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coma_cli import console
from coma_cli.engines.choose import open_transformers, open_vllm
from coma_cli.engines.interface import Engine
from coma_cli.engines.many_workers import ManyWorkersEngine, WorkerSource
from coma_cli.engines.worker_sources import LocalSource, RankSource, RaySource
from coma_cli.evaluation.sampling.devices import ChosenDevices
from coma_cli.evaluation.sampling.engine_record import EngineRecord
from coma_cli.evaluation.sampling.local_model import LocalModel
from coma_cli.evaluation.sampling.sampled_model import ModelChoice
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.models.quantization import Quantization
from coma_cli.models.resolution import Trust
from coma_cli.parallel.machine import physical_cores
from coma_cli.words import count_of

if TYPE_CHECKING:
    from coma_cli.engines.beam_search import BeamEngine
    from coma_cli.engines.transformers_engine import TransformersEngine
    from coma_cli.engines.vllm_engine import VllmEngine


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is opened with on any device; it travels to worker processes.

    `threads` is the number of threads in each process, None: as many as it has anyway.
    """

    choice: ModelChoice
    dtype: str
    trust: Trust
    batch_size: int
    num_beams: int
    deterministic: bool
    quantize: Quantization
    threads: int | None


def open_on(options: EngineOptions, device: str, note: Callable[[str], None]) -> "TransformersEngine | BeamEngine":
    """Load the model onto a device of this process."""
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    return open_transformers(
        options.choice.resolved,
        device,
        options.dtype,
        options.trust,
        rows=options.batch_size,
        num_beams=options.num_beams,
        adapter=options.choice.adapter,
        tokenizer_source=options.choice.tokenizer_source,
        deterministic=options.deterministic,
        quantize=options.quantize,
        on_fewer_rows=lambda rows: note(f"Warning: memory ran out; going on with {count_of(rows, 'row')}"),
    )


@contextmanager
def local_engine(folder: Path, settings: SampleSettings, local: LocalModel) -> Iterator[Engine]:
    """The model of the run in a folder, in the dtype that its first start chose."""
    record = EngineRecord.load(folder)
    dtype = record.dtype if record and settings.dtype == "auto" else local.dtype
    options = EngineOptions(
        choice=local.choice,
        dtype=dtype,
        trust=settings.runtime.trust,
        batch_size=local.batch_size,
        num_beams=settings.num_beams,
        deterministic=settings.deterministic,
        quantize=settings.quantize,
        threads=_threads(settings, local, record),
    )
    where = local.devices.in_words if local.devices.are_many else local.device
    console.note(f"Loading {local.choice.title} ({dtype}, {where})")
    if settings.engine_name == "vllm":
        with _vllm_engine(settings, local, dtype) as engine_of_vllm:
            _record(folder, options, engine_of_vllm.path, local, engine_of_vllm.versions)
            yield engine_of_vllm
        return
    if not local.devices.are_many:
        engine = open_on(options, local.device, console.note)
        _record(folder, options, engine.path, local)
        yield engine
        return
    with ManyWorkersEngine(_source(local.devices), partial(open_on, options), console.note) as workers:
        _record(folder, options, workers.path, local)
        yield workers


def _vllm_engine(settings: SampleSettings, local: LocalModel, dtype: str) -> "VllmEngine":
    return open_vllm(
        local.choice.resolved,
        dtype,
        settings.runtime.trust,
        rows=local.batch_size,
        context=local.longest,
        adapter=local.choice.adapter,
        tokenizer_source=local.choice.tokenizer_source,
        deterministic=settings.deterministic,
        cache_bytes=local.cache_bytes if local.device == "cpu" else None,
        arguments=settings.engine_args,
    )


def _threads(settings: SampleSettings, local: LocalModel, record: EngineRecord | None) -> int | None:
    """The threads of each process where their number decides last bits: a CPU splits long sums among them.

    With `--deterministic` it is that of the run's first start, and then that of one process alone, however many there
    are. It was measured: a product of 60 rows with a weight of 576 x 1536 differs between one thread and two.
    """
    if not settings.deterministic or local.device != "cpu":
        return None
    if record is not None and record.threads is not None:
        return record.threads
    if local.devices.rank is not None:  # launchers limit the threads of each process, to 1 unless told otherwise
        told = os.environ.get("OMP_NUM_THREADS", "1")
        return int(told) if told.isdigit() and int(told) > 1 else physical_cores()
    import torch

    return int(torch.get_num_threads())


def _record(
    folder: Path, options: EngineOptions, path: str, local: LocalModel, versions: Mapping[str, str] | None = None
) -> None:
    each = " in each process" if local.devices.are_many else ""
    console.note(f"Rows are computed in {path}, at most {local.batch_size} at once{each}")
    EngineRecord(dtype=options.dtype, path=path, threads=options.threads, versions=dict(versions or {})).save(folder)


def _source(devices: ChosenDevices) -> WorkerSource:
    """Where the workers run."""
    if devices.rank is not None:
        return RankSource(devices.rank, devices.first, devices.wanted)
    if devices.cluster is not None:
        each = len(devices.names) if devices.named else None
        return RaySource(gpus=devices.are_gpus, each=each, sure=devices.wanted != "auto" or devices.named)
    return LocalSource(devices.names)
