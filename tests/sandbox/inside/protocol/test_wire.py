"""Frames: whole ones come out as they went in, whatever the cuts; lengths are not trusted."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.sandbox.inside.protocol import control, wire


@given(payloads=st.lists(st.binary(max_size=200), max_size=8), data=st.data())
def test_frames_survive_any_split_of_the_stream(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(wire.encode, payloads))
    decoder, seen = wire.Decoder(1000), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        decoder.feed(stream[:cut])
        stream = stream[cut:]
        seen += list(iter(decoder.next, None))
    assert seen == payloads


@given(noise=st.binary(max_size=300))
def test_noise_gives_frames_or_an_error_and_never_more_than_was_sent(noise: bytes) -> None:
    decoder = wire.Decoder(64)
    decoder.feed(noise)
    try:
        frames = list(iter(decoder.next, None))
    except wire.FrameError:
        return
    assert sum(len(frame) + 4 for frame in frames) <= len(noise)


def test_a_huge_length_is_refused_before_any_memory_is_taken() -> None:
    decoder = wire.Decoder(1 << 20)
    decoder.feed(struct.pack("<I", 0xFFFFFFFF))
    with pytest.raises(wire.FrameError, match="above the limit"):
        decoder.next()


def test_frames_go_through_a_pipe() -> None:
    reading, writing = os.pipe()
    try:
        wire.send(writing, b"one")
        wire.send(writing, b"")
        os.close(writing)
        reader = wire.Reader(reading, 10)
        assert reader.receive() == b"one"
        assert reader.receive() == b""
        with pytest.raises(wire.GoneError):
            reader.receive()
    finally:
        os.close(reading)


def test_sending_to_a_closed_pipe_raises() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(wire.GoneError):
            wire.send(writing, b"x")
    finally:
        os.close(writing)


@given(
    seq=st.integers(0, 2**64 - 1),
    cpu=st.floats(allow_nan=False),
    mode=st.sampled_from([control.SPLIT, control.INPROC, control.SELF]),
)
def test_jobs_survive_encoding(seq: int, cpu: float, mode: int) -> None:
    job = control.Job(seq, cpu, 1.0, mode)
    assert control.Job.decode(job.encode()) == job


@given(source=st.binary(max_size=50), tests=st.binary(max_size=50))
def test_texts_come_back_as_they_were(source: bytes, tests: bytes) -> None:
    assert control.decode_text(control.encode_text(source, tests)) == (source, tests)


@given(
    names=st.lists(st.from_regex(r"\w{1,9}", fullmatch=True), max_size=3),
    prelude=st.text(st.characters(), max_size=20),
    tests=st.text(st.characters(), max_size=20),
)
def test_problems_survive_encoding(names: list[str], prelude: str, tests: str) -> None:
    problem = control.ProblemFrame(7, tuple(names), prelude, tests)
    assert control.ProblemFrame.decode(problem.encode()) == problem


@given(noise=st.binary(max_size=80))
def test_reports_made_of_noise_are_refused_or_harmless(noise: bytes) -> None:
    for kind in (control.RunReport, control.CheckReport):
        try:
            decoded = kind.decode(noise)
        except control.MessageError:
            continue
        assert isinstance(decoded.text, bytes)
