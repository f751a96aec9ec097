"""``idp serve``: web workers and the delivery worker together, the embedded Redis beneath them.

The process the operator starts supervises: it loads the application, migrates the embedded
database, starts the bundled Redis-compatible server when none is named, keeps the delivery worker
running, and hands the main thread to the HTTP server. Its children are copies of it, so nothing is
loaded twice and what none of them changes is in memory once. They end by themselves with it.
"""

import logging
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idp.cli.context import refuse, settings
from idp.infra.embedded_redis import EmbeddedRedisError, supervised

if TYPE_CHECKING:
    from idp.infra.process import Child

_log = logging.getLogger("idp.serve")

PORT_SECONDS = 3.0
"""How long a port may still be held by what was there before."""

STOP_SECONDS = 10.0
"""How long the delivery worker may take to end before it is ended."""

IDLE_MILLISECONDS = 75_000
"""How long a connection stays open between requests: longer than the minute after which proxies
close theirs, so that none of them sends a request into a connection that is just going."""


@click.command()
@click.option("--host", help="Address to listen on (IDP_HOST; 0.0.0.0 for all).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (IDP_PORT, else the issuer's).")
@click.option("--workers", type=click.IntRange(1, 256), help="Web processes (IDP_WORKERS).")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the provider: web workers and mail delivery."""
    from idp.infra.logs import configure_logging
    from idp.infra.process import loading, share_one_heap

    share_one_heap()
    configure_logging()
    current = settings()
    for warning in current.warnings:
        _log.warning(warning)
    listen = current.server
    _check_free(host or listen.host, port or listen.port)
    try:
        with loading():
            from idp.app import prepare
            from idp.infra.i18n import load_languages

            prepare(current)
            load_languages()
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
    """Runs the delivery worker for as long as the context lasts, and again if it dies."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name="delivery", daemon=True)
        self._child: Child

    def __enter__(self) -> "_DeliveryProcess":
        self._start(afresh=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._child.terminate()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._child.kill()

    def _start(self, *, afresh: bool) -> None:
        from idp.cli import worker
        from idp.infra.process import Child

        command = [sys.executable, "-m", worker.__name__]
        root = Path(__file__).resolve().parents[2]
        self._child = Child(worker.main, command, root, afresh=afresh)

    def _keep_running(self) -> None:
        while not self._stop.is_set():
            status = self._child.wait()
            if self._stop.wait(1.0):
                return
            _log.error("delivery worker ended with status %s; starting it again", status)
            self._start(afresh=True)
