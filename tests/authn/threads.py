"""Fifty at a time, each in a thread with a database connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from idp.infra.database import db
from tests.people.house import House

THREADS = 50


def at_once(house: House, action: Callable[[], Any]) -> Counter[Any]:
    """What the action answered in so many threads at once; errors by the names of their classes.

    The action must not touch objects of this thread's session, which threads cannot share.
    """
    results: list[Any] = []
    barrier = threading.Barrier(THREADS)

    def run() -> None:
        with house.app.app_context():
            barrier.wait()
            try:
                results.append(action())
            except Exception as error:
                results.append(type(error).__name__)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(results)
