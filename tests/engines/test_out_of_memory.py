"""When memory runs out the engine goes on with half of the rows, and every request is still answered."""

import gc
import inspect
import weakref

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402  # after the skip
from coma_cli.engines.transformers_engine import TransformersEngine  # noqa: E402
from coma_cli.errors import CliError  # noqa: E402

# How CUDA says it: the allocator's own class, and cuBLAS, whose workspace is allocated elsewhere.
ERRORS = [
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 20.00 MiB."),
    (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.fixture
def engine(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make_tiny_model(tmp_path / "tiny", layers=1)

    def made(rows, *, padded=False, **options):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        engine = TransformersEngine(model, AutoTokenizer.from_pretrained(folder), rows=rows, **options)
        if padded:
            engine.unsupported = "for this test"
        return engine

    return made


def limited(engine, most_rows, error):
    """Let the model fail with more rows than that, in prompts and in steps."""
    forward, step = engine.model.forward, engine.step

    def fail_when_full(*arguments, **options):
        if options["input_ids"].shape[0] > most_rows:
            raise error[0](error[1])
        return forward(*arguments, **options)

    def step_unless_full(cache, tokens):
        if len(tokens) > most_rows:
            raise error[0](error[1])
        return step(cache, tokens)

    fail_when_full.__signature__ = inspect.signature(forward)
    engine.model.forward = fail_when_full
    engine.step = step and step_unless_full


def requests(count=12):
    return [
        GenerationRequest(str(i), Decoding(0.8, 0.95, 0, 6), i, prompt_ids=(5, 6, 7 + i // 4)) for i in range(count)
    ]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("padded", [False, True])
def test_half_of_the_rows_until_they_fit(engine, error, padded):
    expected = {r.key: r.text for r in engine(8, padded=padded).generate(requests())}
    told = []
    small = engine(8, padded=padded, on_fewer_rows=told.append)
    limited(small, 3, error)
    assert {r.key: r.text for r in small.generate(requests())} == expected
    assert told == [4, 2] if not padded else told[-1] <= 3
    assert small.rows <= 3


def test_deterministic_rows_do_not_change(engine):
    whole = list(engine(64, deterministic=True).generate(requests()))
    small = engine(64, deterministic=True)
    calls, step = [], small.step

    def fail_once(cache, tokens):
        calls.append(1)
        if len(calls) == 2:
            raise ERRORS[0][0](ERRORS[0][1])
        return step(cache, tokens)

    small.step = fail_once
    assert sorted(map(repr, small.generate(requests()))) == sorted(map(repr, whole))
    assert small.rows < 64


@pytest.mark.slow
def test_the_old_cache_is_gone_before_the_retry(engine, monkeypatch):
    """A traceback that is being handled holds every frame, and so the cache that did not fit."""
    import coma_cli.engines.continuous as module

    alive = weakref.WeakSet()
    made = module.RowCache.__init__

    def counted(self, *arguments, **options):
        gc.collect()
        assert not alive, "a cache while another one exists"
        made(self, *arguments, **options)
        alive.add(self)

    small = engine(8)
    limited(small, 3, ERRORS[0])
    monkeypatch.setattr(module.RowCache, "__init__", counted)
    assert len(list(small.generate(requests()))) == 12


def test_one_row_that_does_not_fit_is_an_error(engine):
    small = engine(4)
    limited(small, 0, ERRORS[1])
    with pytest.raises(CliError, match="single row does not fit"):
        list(small.generate(requests()))
