"""Work that no request waits for: imports, mail to thousands, letting old records go.

Each job does one bounded portion in a transaction of its own and says whether more is left, so a
process that dies loses nothing but the portion it was at, and shares fairly with other jobs. The
worker of ``idp serve`` runs them; who has made work calls ``wake`` after its commit.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from idp.infra.database import DatabaseUnavailable, after_commit, app_contexts
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 5
HOURLY_SECONDS = 3600
_WAKE = "background:wake"

Job = Callable[[], bool]


class Background:
    """Runs ``jobs`` until none has more to do, again at every ``wake``, and ``hourly`` now and
    then. Needs an application context.
    """

    def __init__(self, store: EphemeralStore) -> None:
        self._store = store
        self.jobs: list[Job] = []
        """Each does one portion and says whether more is left."""
        self.hourly: list[Callable[[], object]] = []
        """What keeps the house clean."""

    def wake(self) -> None:
        """There is something to do; in a unit of work it is said after the commit."""
        after_commit(self._signal)

    def run_once(self) -> int:
        """Do everything there is to do; how many portions it took."""
        portions = 0
        busy = list(self.jobs)
        while busy:
            portions += len(busy)
            busy = [job for job in busy if self._try(job)]
        return portions

    def run_hourly(self) -> None:
        """Tidy up."""
        for chore in self.hourly:
            self._try(chore)

    def run_forever(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        context = app_contexts()
        tidied = float("-inf")
        while not stop.is_set():
            with context():
                if time.monotonic() - tidied > HOURLY_SECONDS:
                    tidied = time.monotonic()
                    self.run_hourly()
                self._work(stop)
            try:
                self._store.wait(_WAKE, POLL_SECONDS)
            except StoreUnavailable:
                stop.wait(POLL_SECONDS)

    def _work(self, stop: threading.Event) -> None:
        busy = list(self.jobs)
        while busy and not stop.is_set():
            busy = [job for job in busy if not stop.is_set() and self._try(job)]

    @staticmethod
    def _try(work: Callable[[], object]) -> bool:
        """A worker outlives whatever goes wrong once; what failed is tried at the next round."""
        try:
            return bool(work())
        except (DatabaseUnavailable, StoreUnavailable):
            log.warning("background work waits for its stores")
        except Exception:
            log.exception("background work failed unexpectedly")
        return False

    def _signal(self) -> None:
        # Without Redis the worker looks by itself every few seconds.
        with contextlib.suppress(StoreUnavailable):
            self._store.signal(_WAKE)
