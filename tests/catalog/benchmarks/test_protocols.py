"""What all protocols share: names, the protocol that the model decides, and forms that fit together."""

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.settings import SampleSettings


@pytest.mark.parametrize("bench", BENCHMARKS)
def test_protocols_are_whole(bench):
    entry = BENCHMARKS[bench]
    names = [protocol.name for protocol in entry.protocols]
    assert names[:3] == ["completion", "instruct", "generation-config"] and len(set(names)) == len(names)
    for protocol in entry.protocols:
        assert protocol.description
        assert protocol.continuation is not None or protocol.instruction is not None
        assert protocol.is_framed == (protocol.instruction is None)
        # `quantize` is a setting where the engine has it.
        assert set(protocol.settings) - {"quantize"} <= SampleSettings.model_fields.keys()


def test_auto_is_completion_or_instruct():
    entry = BENCHMARKS["mbpp"]
    auto = entry.sampling_protocol("auto")
    assert auto.continuation is entry.sampling_protocol("completion").continuation
    assert auto.instruction is entry.sampling_protocol("instruct").instruction


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(UsageError, match=r"protocol of humaneval.*Did you mean coma-paper"):
        BENCHMARKS["humaneval"].sampling_protocol("coma-papr")
