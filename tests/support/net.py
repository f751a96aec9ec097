"""Free ports, waiting on a condition, and a relay that can be cut like a cable."""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds a condition may take before a test gives up: generous, the machine may be loaded."""


def free_port() -> int:
    """A port nobody listens on, outside the range the kernel hands to outgoing connections."""
    for _ in range(200):
        port = random.randint(20_000, 31_999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def free_ports(count: int) -> int:
    """The first of ``count`` consecutive free ports."""
    for _ in range(200):
        first = random.randint(20_000, 31_999 - count)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError("no free ports")


def wait_for(
    what: str,
    condition: Callable[[], T],
    *,
    seconds: float = PATIENCE,
    pause: float = 0.05,
    ignoring: tuple[type[Exception], ...] = (),
) -> T:
    """Ask until the answer is truthy; fail with ``what`` and the last trouble."""
    deadline = time.monotonic() + seconds
    trouble: object = None
    while True:
        try:
            answer = condition()
            if answer:
                return answer
        except ignoring as error:
            trouble = error
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up after {seconds:.0f} s waiting for {what} ({trouble})")
        time.sleep(pause)


class Relay:
    """Forwards TCP to a Unix socket or TCP address until ``cut()``, and again after ``mend()``."""

    def __init__(self, target: str | tuple[str, int]) -> None:
        self._target = target
        self.port = free_port()
        self._whole = True
        self._pairs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._listen()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                near.close()
                continue
            with self._lock:
                if not self._whole:
                    near.close()
                    far.close()
                    continue
                self._pairs |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket:
        if isinstance(self._target, str):
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            return far
        return socket.create_connection(self._target)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            with self._lock:
                self._pairs.discard(end)

    def cut(self) -> None:
        """Refuse new connections and break those that are open."""
        with self._lock:
            self._whole = False
            pairs = list(self._pairs)
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in pairs:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Listen again on the same port."""
        self._whole = True
        self._listen()

    close = cut
