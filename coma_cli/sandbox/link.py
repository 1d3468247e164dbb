"""One of the supervisor's connections: non-blocking frames in and out."""

import selectors
import socket

from coma_cli.sandbox.inside.protocol import wire

_CHUNK = 1 << 18
# Reports and reports are short; a longer frame can only come from a broken zygote.
_FRAME_MAX = 4096


class Link:
    """Frames over a non-blocking socket, registered with a selector while open."""

    def __init__(self, connection: socket.socket, selector: selectors.BaseSelector, owner: object) -> None:
        self._socket = connection
        self._selector = selector
        self._owner = owner
        self._decoder = wire.Decoder(_FRAME_MAX)
        self._out = bytearray()
        self.closed = False
        selector.register(connection, selectors.EVENT_READ, owner)

    def move_to(self, selector: selectors.BaseSelector) -> None:
        """Be watched by another selector from now on."""
        key = self._selector.unregister(self._socket)
        self._selector = selector
        selector.register(self._socket, key.events, self._owner)

    def send(self, *payloads: bytes) -> None:
        """Send as much of the frames as possible now, and the rest when the other side is ready."""
        data = b"".join(wire.encode(payload) for payload in payloads)
        if not self._out and not self.closed:
            data = data[self._write(data) :]
            if data and not self.closed:
                self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self._owner)
        self._out += data

    def flush(self) -> None:
        """Continue sending what could not be sent at once."""
        del self._out[: self._write(self._out)]
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

    def _write(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(memoryview(data)[:_CHUNK])
        except BlockingIOError:
            return 0
        except OSError:
            # The reader will see the end of the stream and handle it.
            return 0
