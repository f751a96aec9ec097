"""The delivery worker: ``python -m idp.cli.worker``, started and watched by ``idp serve``.

Sends what the outbox holds (mail, back-channel logout notices) until it is told to stop or its
parent is gone; whatever it was sending when killed is sent by the next one.
"""

import signal
import threading

from idp.app import create_app, services_of
from idp.infra.logs import configure_logging
from idp.infra.process import stop_with_parent
from idp.settings import Settings


def main() -> None:
    """Run until SIGTERM, SIGINT or the end of the parent."""
    configure_logging()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    stop_with_parent()
    app = create_app(Settings.from_env())
    with app.app_context():
        services_of(app).deliveries.run_forever(stop)


if __name__ == "__main__":
    main()
