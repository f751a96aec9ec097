"""``idp serve``: web workers and the delivery worker together, the embedded Redis beneath them.

The process the operator starts supervises: it migrates the embedded database, starts the bundled
Redis-compatible server when none is named, keeps the delivery worker running, and hands the main
thread to the HTTP server, which spawns the web workers. Children end by themselves with it.
"""

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click

from idp.cli.context import refuse, settings
from idp.infra.embedded_redis import EmbeddedRedisError, supervised

_log = logging.getLogger("idp.serve")

PORT_SECONDS = 3.0
"""How long a port may still be held by what was there before."""

IDLE_MILLISECONDS = 75_000
"""How long a connection stays open between requests: longer than the minute after which proxies
close theirs, so that none of them sends a request into a connection that is just going."""


@click.command()
@click.option("--host", help="Address to listen on (IDP_HOST; 0.0.0.0 for all).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (IDP_PORT, else the issuer's).")
@click.option("--workers", type=click.IntRange(1, 256), help="Web processes (IDP_WORKERS).")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the provider: web workers and mail delivery."""
    from idp.app import prepare
    from idp.infra.logs import configure_logging
    from idp.infra.process import settle, share_one_heap

    share_one_heap()
    configure_logging()
    current = settings()
    for warning in current.warnings:
        _log.warning(warning)
    listen = current.server
    _check_free(host or listen.host, port or listen.port)
    try:
        prepare(current)
        settle()
        with supervised(current), _DeliveryProcess():
            _serve(
                host or listen.host,
                port or listen.port,
                workers or listen.workers,
                listen.threads,
            )
    except (RuntimeError, OSError, EmbeddedRedisError) as error:
        refuse(str(error).partition("\n")[0])


def _check_free(host: str, port: int) -> None:
    """Refuse in plain words what the HTTP server would refuse with a stack of frames.

    Workers of a server that was just killed hold the port for a moment longer.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    refuse(
                        f"cannot listen on {host}, port {port}: {error.strerror or error}. "
                        "Choose another with --host and --port"
                    )
        time.sleep(0.1)


def _serve(host: str, port: int, workers: int, threads: int) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    server: Any = Granian(
        "idp.app:create_worker_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_MILLISECONDS),
        backlog=1024,
        respawn_failed_workers=True,
        # A worker told to stop while it is still starting does not hear it.
        workers_kill_timeout=10,
        websockets=False,
        factory=True,
        log_level=LogLevels.warning,
    )
    _log.info("serving on http://%s:%d", host, port)
    server.serve()


class _DeliveryProcess:
    """Runs ``python -m idp.cli.worker`` for as long as the context lasts, and again if it dies."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="delivery", daemon=True)

    def __enter__(self) -> "_DeliveryProcess":
        self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _start(self) -> None:
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen([sys.executable, "-m", "idp.cli.worker"], cwd=root)

    def _keep_running(self) -> None:
        while self._process is not None and not self._stop.is_set():
            status = self._process.wait()
            if self._stop.wait(1.0):
                return
            _log.error("delivery worker ended with status %s; starting it again", status)
            self._start()
