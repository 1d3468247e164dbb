"""The engine of a model that coma runs itself: in this process, or in a worker process on each of several devices."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coma_cli import console
from coma_cli.engines.choose import open_transformers
from coma_cli.engines.interface import Engine
from coma_cli.engines.many_workers import ManyWorkersEngine, WorkerSource
from coma_cli.engines.worker_sources import LocalSource, RankSource, RaySource
from coma_cli.evaluation.sampling.devices import ChosenDevices
from coma_cli.evaluation.sampling.engine_record import EngineRecord
from coma_cli.evaluation.sampling.planning import LocalModel
from coma_cli.evaluation.sampling.sampled_model import ModelChoice
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.models.quantization import Quantization
from coma_cli.models.resolution import Trust
from coma_cli.words import count_of

if TYPE_CHECKING:
    from coma_cli.engines.beam_search import BeamEngine
    from coma_cli.engines.transformers_engine import TransformersEngine


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is opened with on any device; it travels to worker processes."""

    choice: ModelChoice
    dtype: str
    trust: Trust
    batch_size: int
    num_beams: int
    deterministic: bool
    quantize: Quantization


def open_on(options: EngineOptions, device: str, note: Callable[[str], None]) -> "TransformersEngine | BeamEngine":
    """Load the model onto a device of this process."""
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
    )
    where = local.devices.in_words if local.devices.are_many else local.device
    console.note(f"Loading {local.choice.title} ({dtype}, {where})")
    if not local.devices.are_many:
        engine = open_on(options, local.device, console.note)
        _record(folder, dtype, engine.path, local)
        yield engine
        return
    with ManyWorkersEngine(_source(local.devices), partial(open_on, options), console.note) as workers:
        _record(folder, dtype, workers.path, local)
        yield workers


def _record(folder: Path, dtype: str, path: str, local: LocalModel) -> None:
    each = " in each process" if local.devices.are_many else ""
    console.note(f"Rows are computed in {path}, at most {local.batch_size} at once{each}")
    EngineRecord(dtype=dtype, path=path).save(folder)


def _source(devices: ChosenDevices) -> WorkerSource:
    """Where the workers run."""
    if devices.rank is not None:
        return RankSource(devices.rank, devices.first, devices.wanted)
    if devices.cluster is not None:
        each = len(devices.names) if devices.named else None
        return RaySource(gpus=devices.are_gpus, each=each, sure=devices.wanted != "auto" or devices.named)
    return LocalSource(devices.names)
