"""Frames between the supervisor, the zygotes and the programs: a four-byte length, then that many bytes.

A reader never trusts the length: above its maximum it fails before allocating memory.
"""

from __future__ import annotations

import os
import struct

_LENGTH = struct.Struct("<I")
# Most frames are short; a buffer for the longest would allocate fresh memory for each of them.
SMALL_READ, LARGE_READ = 1 << 12, 1 << 18
PROGRAM_FRAME_MAX = 32 << 20  # a million numbers of some digits each take 11 MB
CONTROL_FRAME_MAX = 64 << 20


class FrameError(Exception):
    """The other side sent something that is not a frame of this protocol."""


class TooLargeError(FrameError):
    """A value with more parts than a value may have; the message goes on after "returned"."""


class GoneError(Exception):
    """The other side has closed the connection."""


def encode(payload: bytes) -> bytes:
    """A payload as a frame."""
    return _LENGTH.pack(len(payload)) + payload


def send(fd: int, payload: bytes) -> None:
    """Write one frame to a blocking descriptor; raises GoneError."""
    data = _LENGTH.pack(len(payload)) + payload
    try:
        written = os.write(fd, data)
        while written < len(data):
            written += os.write(fd, memoryview(data)[written:])
    except OSError as error:
        raise GoneError(str(error)) from None


def send_short(fd: int, head: bytes, text: bytes | memoryview) -> None:
    """Write one frame of two parts, without a copy of the second; a socket takes a few kilobytes at once.

    Raises GoneError.
    """
    try:
        os.writev(fd, [_LENGTH.pack(len(head) + len(text)) + head, text])
    except OSError as error:
        raise GoneError(str(error)) from None


class Reader:
    """Reads frames from a blocking descriptor, one at a time."""

    def __init__(self, fd: int, maximum: int) -> None:
        self._fd = fd
        self._decoder = Decoder(maximum)
        self._size = SMALL_READ

    def receive(self) -> bytes:
        """The payload of the next frame; blocks. Raises FrameError, and GoneError at the end of the stream."""
        decoder = self._decoder
        if decoder.is_empty:
            data = self._read()
            # Nearly always one read returns exactly one frame.
            if len(data) >= 4 and _LENGTH.unpack_from(data)[0] == len(data) - 4:
                return data[4:]
            decoder.feed(data)
        while (frame := decoder.next()) is None:
            decoder.feed(self._read())
        return frame

    def _read(self) -> bytes:
        try:
            data = os.read(self._fd, self._size)
        except OSError as error:
            raise GoneError(str(error)) from None
        if not data:
            raise GoneError("end of stream")
        self._size = LARGE_READ if len(data) == self._size else SMALL_READ
        return data


class Decoder:
    """Splits a stream of bytes into frames."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether there is no incomplete frame."""
        return not self._buffer

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next complete frame, or None. Raises FrameError if a length is above the maximum."""
        if len(self._buffer) < 4:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > self._maximum:
            raise FrameError(f"a frame of {length} bytes is above the limit of {self._maximum}")
        if len(self._buffer) < 4 + length:
            return None
        frame = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return frame
