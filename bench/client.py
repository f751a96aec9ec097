"""A light keep-alive client: raw sockets, a few threads. Its own CPU is not what is measured."""

import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


class Answer:
    """One response: status, raw head, body."""

    __slots__ = ("body", "head", "status")

    def __init__(self, status: int, head: bytes, body: bytes) -> None:
        self.status = status
        self.head = head
        self.body = body

    def header(self, name: bytes) -> bytes:
        """A header's value, or nothing."""
        low = self.head.lower()
        at = low.find(b"\r\n" + name.lower() + b":")
        if at < 0:
            return b""
        start = at + len(name) + 3
        return self.head[start : self.head.find(b"\r\n", start)].strip()

    def headers(self, name: bytes) -> list[bytes]:
        """All values of a header that may be repeated (Set-Cookie)."""
        wanted = name.lower()
        found = []
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == wanted:
                found.append(value.strip())
        return found


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int, host: str) -> None:
        self._port = port
        self._host = host.encode()
        self._socket: socket.socket | None = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def get(self, path: bytes, headers: bytes = b"") -> Answer:
        """GET; ``headers`` are whole lines ending in CR LF."""
        return self._send(
            b"GET " + path + b" HTTP/1.1\r\nHost: " + self._host + b"\r\n" + headers + b"\r\n"
        )

    def post(self, path: bytes, body: bytes, headers: bytes = b"") -> Answer:
        """POST a form."""
        return self._send(
            b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n%b\r\n%b" % (path, self._host, len(body), headers, body)
        )

    def _send(self, request: bytes) -> Answer:
        connection = self._open()
        connection.sendall(request)
        data = connection.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            more = connection.recv(65536)
            if not more:
                raise ConnectionError("closed by the server")
            data += more
        head, body = data[: end + 2], data[end + 4 :]
        answer = Answer(int(head[9:12]), head, body)
        length = answer.header(b"content-length")
        if length:
            missing = int(length) - len(body)
            while missing > 0:
                more = connection.recv(65536)
                if not more:
                    raise ConnectionError("closed by the server")
                body += more
                missing -= len(more)
        elif answer.header(b"transfer-encoding").lower() == b"chunked":
            while not body.endswith(b"0\r\n\r\n"):
                body += connection.recv(65536)
        answer.body = body
        if answer.header(b"connection").lower() == b"close":
            self.close()
        return answer

    def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@dataclass(frozen=True)
class Run:
    """What one round took from outside."""

    operations: int
    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return self.operations / self.seconds

    def percentile(self, percent: int) -> float:
        """Latency in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1000


def drive(workers: list[Callable[[], None]], operations: int) -> Run:
    """Do so many operations, shared among the workers, each in a thread of its own."""
    latencies: list[list[float]] = [[] for _ in workers]
    failures: list[BaseException] = []
    share, rest = divmod(operations, len(workers))

    def work(index: int) -> None:
        operation, kept, clock = workers[index], latencies[index], time.perf_counter
        try:
            for _ in range(share + (index < rest)):
                started = clock()
                operation()
                kept.append(clock() - started)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(workers))]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures:
        raise failures[0]
    return Run(operations, seconds, tuple(x for kept in latencies for x in kept))
