"""One of the supervisor's connections: non-blocking frames in and out."""

import os
import selectors
import socket
from collections import deque
from dataclasses import dataclass

from coma_cli.sandbox.inside.protocol import wire

_CHUNK = 1 << 18
# Reports are short; a longer frame can only come from a broken zygote.
_FRAME_MAX = 4096


@dataclass
class _Outgoing:
    """Bytes still to be sent; the descriptor goes with the first of them and is closed then."""

    data: bytes | memoryview
    fd: int | None = None


class Link:
    """Frames over a non-blocking socket, registered with a selector while open."""

    def __init__(self, connection: socket.socket, selector: selectors.BaseSelector, owner: object) -> None:
        self._socket = connection
        self._selector = selector
        self._owner = owner
        self._decoder = wire.Decoder(_FRAME_MAX)
        self._out: deque[_Outgoing] = deque()
        self.closed = False
        selector.register(connection, selectors.EVENT_READ, owner)

    def move_to(self, selector: selectors.BaseSelector) -> None:
        """Be watched by another selector from now on."""
        key = self._selector.unregister(self._socket)
        self._selector = selector
        selector.register(self._socket, key.events, self._owner)

    def send(self, *payloads: bytes, fd: int | None = None) -> None:
        """Send as much of the frames as possible now, and the rest when the other side is ready.

        `fd` goes to the other side with the first byte; it is closed here, whatever comes of it.
        """
        if self.closed:
            _close(fd)
            return
        waiting = bool(self._out)
        self._out.append(_Outgoing(b"".join(wire.encode(payload) for payload in payloads), fd))
        if not waiting:
            self._write()
            if self._out:
                self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self._owner)

    def flush(self) -> None:
        """Continue sending what could not be sent at once."""
        self._write()
        if not self._out and not self.closed:
            self._selector.modify(self._socket, selectors.EVENT_READ, self._owner)

    def receive(self) -> list[bytes]:
        """All complete frames received so far. Raises FrameError; at the end of the stream the link is closed."""
        try:
            data = self._socket.recv(wire.SMALL_READ)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        self._decoder.feed(data)
        return list(iter(self._decoder.next, None))

    def close(self) -> None:
        """Close the connection; may be called twice."""
        if not self.closed:
            self.closed = True
            self._selector.unregister(self._socket)
            self._socket.close()
        while self._out:
            _close(self._out.popleft().fd)

    def _write(self) -> None:
        """Send until nothing is left or the other side is not ready."""
        while self._out:
            part = self._out[0]
            try:
                sent = self._send(part)
            except OSError:  # not ready; or gone, which the reader will see at the end of the stream
                return
            if sent < len(part.data):
                part.data = memoryview(part.data)[sent:]
            else:
                self._out.popleft()

    def _send(self, part: _Outgoing) -> int:
        chunk = memoryview(part.data)[:_CHUNK]
        if part.fd is None:
            return self._socket.send(chunk)
        sent = socket.send_fds(self._socket, [chunk], [part.fd])
        _close(part.fd)
        part.fd = None
        return sent


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)
