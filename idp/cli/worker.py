"""The delivery worker, started and watched by ``idp serve``: as a copy of it, or as
``python -m idp.cli.worker PARENT``.

Sends what the outbox holds (mail, back-channel logout notices) and does what no request waits for,
until it is told to stop or its parent is gone; whatever it was at when killed is done by the next
one.
"""

import signal
import sys
import threading

from flask import Flask

from idp.infra.logs import configure_logging
from idp.infra.process import settle, stop_with_parent
from idp.settings import Settings
from idp.web.bare_app import create_bare_app, services_of

GRACE = 30
"""Seconds that a portion of background work may take to end."""


def main(parent: int) -> None:
    """Run until SIGTERM, SIGINT or the end of the process with the id ``parent``."""
    configure_logging()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    stop_with_parent(parent)
    app = create_bare_app(Settings.from_env())
    settle()
    aside = threading.Thread(target=_work_aside, args=(app, stop), name="background")
    aside.start()
    with app.app_context():
        services_of(app).deliveries.run_forever(stop)
    aside.join(GRACE)


def _work_aside(app: Flask, stop: threading.Event) -> None:
    with app.app_context():
        services_of(app).background.run_forever(stop)


if __name__ == "__main__":
    main(int(sys.argv[1]))
