"""Calls let go at the same moment, each in a thread and with a database session of its own."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask

from idp.infra.database import db

THREADS = 50


def all_at_once(app: Flask, actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each has answered, in no order; of an error its code, or else the name of its class.

    The actions must not touch objects of this thread's session, which threads cannot share.
    """
    results: list[Any] = []
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], Any]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                results.append(action())
            except Exception as error:
                results.append(getattr(error, "code", None) or type(error).__name__)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def at_once(app: Flask, action: Callable[[], Any]) -> Counter[Any]:
    """How often each answer came of fifty calls of the same."""
    return Counter(all_at_once(app, [action] * THREADS))
