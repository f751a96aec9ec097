"""Serves one product until it is told to stop."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from clients.shared.config import BadConfig, ProductConfig


class QuietHandler(WSGIRequestHandler):
    """No line per request; what goes wrong is logged by the app."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return None

    def version_string(self) -> str:
        return "einlass-product"


def serve(create: Callable[[ProductConfig], Flask]) -> None:
    """Read the registration, serve on its port, stop cleanly on SIGTERM and Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        config = ProductConfig.from_environment()
    except BadConfig as error:
        sys.exit(f"cannot start: {error}")
    try:
        server = make_server(
            "127.0.0.1",
            config.port,
            create(config),
            threaded=True,
            request_handler=QuietHandler,
        )
    except OSError as error:
        sys.exit(f"cannot listen on port {config.port}: {error.strerror}")

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    server.server_close()
