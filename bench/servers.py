"""The servers that are measured: the floor, and the real provider on both set-ups."""

import subprocess
import sys
from pathlib import Path

import requests

from tests.support.net import free_port, wait_for

ROOT = Path(__file__).resolve().parents[1]


class Floor:
    """The floor app on an HTTP server, two workers."""

    def __init__(self, kind: str = "granian", *options: str) -> None:
        self.port = free_port()
        python = Path(sys.executable).parent
        if kind == "granian":
            threads, *rest = options or ("4",)
            self._command = [
                *(str(python / "granian"), "--interface", "wsgi", "--workers", "2"),
                *("--http", "1", "--no-ws", "--log-level", "error"),
                *("--blocking-threads", threads, "--port", str(self.port), *rest),
                "bench.floor:app",
            ]
        else:
            worker, threads = options
            self._command = [
                *(str(python / "gunicorn"), "--workers", "2", "--worker-class", worker),
                *("--threads", threads, "--log-level", "error", "--keep-alive", "30"),
                *("--bind", f"127.0.0.1:{self.port}", "bench.floor:app"),
            ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT)
        wait_for(
            "the floor",
            lambda: requests.get(f"http://127.0.0.1:{self.port}/jwks", timeout=5).ok,
            ignoring=(requests.RequestException,),
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None
