"""When an old product is not asked for a while: it has not answered several times in a row.

Each question that gets no answer costs a sign-in the whole time limit. So after some of them in a
row nobody asks for a while, which grows with every further one up to a bound; then one sign-in at a
time tries again, and the first answer, whatever it says, ends the pause. An answer that does not
count is an answer: it costs no time, and strangers could cause it at will.

What is known of a product is in Redis, so every process keeps to it; time is the clock's.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from idp.core.clock import Clock, epoch
from idp.infra.ephemeral import EphemeralStore

FAILURES = 5
"""So many in a row begin a pause."""
FIRST_PAUSE = 30
LONGEST_PAUSE = 900
"""Seconds."""
_PROBE = 15
"""Seconds that one try after a pause may take: more than a question does."""
_REMEMBERED = 30 * 86400
"""Seconds after which a product that nobody signs in with any more begins anew."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when a product has not answered, and until when it is not asked."""

    since: datetime
    until: datetime


class Breaker:
    """Counts, and says whether a product may be asked."""

    def __init__(self, store: EphemeralStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def pause_of(self, product: str) -> Pause | None:
        """The pause since its last answer, over or not."""
        kept = self._store.get(_key("pause", product))
        if kept is None:
            return None
        since, until = json.loads(kept)
        return Pause(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))

    @contextmanager
    def asking(self, product: str) -> Iterator[bool]:
        """Whether the product may be asked now; inside, the one who may is asking."""
        pause = self.pause_of(product)
        if pause is None:
            yield True
            return
        probe = _key("probe", product)
        if self._clock.now() < pause.until or not self._store.put(
            probe, "1", _PROBE, only_new=True
        ):
            yield False
            return
        try:
            yield True
        finally:
            self._store.delete(probe)

    def failed(self, product: str) -> Pause | None:
        """It has not answered; the pause, if this one begins it (for the change log: once).

        Whoever had asked before a pause began does not lengthen it.
        """
        before = self.pause_of(product)
        if before is not None and self._clock.now() < before.until:
            return None
        number = self._store.increment(_key("failures", product), _REMEMBERED)
        if number < FAILURES:
            return None
        now = epoch(self._clock.now())
        length = min(LONGEST_PAUSE, FIRST_PAUSE << min(number - FAILURES, 10))
        since = epoch(before.since) if before else now
        kept = json.dumps([since, now + length])
        self._store.put(_key("pause", product), kept, _REMEMBERED, only_new=before is None)
        return self.pause_of(product) if number == FAILURES else None

    def answered(self, product: str) -> bool:
        """It has answered; whether that ends a pause, which one of many at once is told."""
        keys = _key("failures", product), _key("pause", product)
        if self._store.fetch(*keys) == [None, None]:
            return False
        _, pause = self._store.batch().delete(keys[0]).take(keys[1]).run()
        return pause is not None

    forget = answered


def _key(kind: str, product: str) -> str:
    return f"legacy-{kind}:{product}"
