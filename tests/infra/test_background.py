import threading
from collections.abc import Callable

from flask import Flask

from idp.infra.background import Background
from idp.infra.database import DatabaseUnavailable, transaction
from idp.infra.ephemeral import EphemeralStore


def countdown(portions: int, done: list[str], name: str) -> Callable[[], bool]:
    left = [portions]

    def job() -> bool:
        done.append(name)
        left[0] -= 1
        return left[0] > 0

    return job


def test_jobs_take_turns_until_none_has_more(store: EphemeralStore) -> None:
    done: list[str] = []
    background = Background(store)
    background.jobs += [countdown(3, done, "long"), countdown(1, done, "short")]
    assert background.run_once() == 4
    assert done == ["long", "short", "long", "long"]


def test_a_job_that_fails_holds_up_nobody(store: EphemeralStore) -> None:
    done: list[str] = []

    def fails() -> bool:
        raise ValueError("a mistake")

    def away() -> bool:
        raise DatabaseUnavailable("for the moment")

    background = Background(store)
    background.jobs += [fails, away, countdown(2, done, "works")]
    background.run_once()
    assert done == ["works", "works"]


def test_work_made_known_after_the_commit_is_done_soon(app: Flask, store: EphemeralStore) -> None:
    background = Background(store)
    began, asked, stop = threading.Event(), threading.Event(), threading.Event()
    told: list[bool] = []

    def job() -> bool:
        began.set()
        if told:
            asked.set()
        return False

    background.jobs.append(job)
    with app.app_context():
        worker = threading.Thread(target=_in_context, args=(app, background, stop))
        worker.start()
        assert began.wait(30)
        told.append(True)
        with transaction():
            background.wake()
        assert asked.wait(30)
        stop.set()
        background.wake()
        worker.join(30)
        assert not worker.is_alive()


def _in_context(app: Flask, background: Background, stop: threading.Event) -> None:
    with app.app_context():
        background.run_forever(stop)
