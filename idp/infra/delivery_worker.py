"""The worker that sends what the outbox holds; ``idp serve`` keeps one process of it running.

Any number may run on any number of machines: a row is claimed by one conditional UPDATE that sets
a lease, and a worker that dies lets the lease run out. So everything is sent at least once; mail
carries the same Message-ID each time. A failure is tried again after a growing, scattered delay,
for hours; what still fails, or is refused for good, is kept as dead, with the reason.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import CursorResult

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.database import (
    AppContexts,
    DatabaseUnavailable,
    app_contexts,
    db,
    transaction,
)
from idp.infra.delivery import LogoutNotifier, Mailer, NotDelivered, RenderMail
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable
from idp.infra.gateway import PhoneGateway
from idp.infra.outbox import LANES, Delivery, wake_key
from idp.infra.sealing import SealBroken

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than any single delivery may take."""
MAX_ATTEMPTS = 10
POLL_SECONDS = 2
BEAT_SECONDS = 10
"""How often a worker says that it lives."""
_BEAT = "worker:alive"
KEPT = timedelta(days=7)
"""How long the rows of finished deliveries stay."""
DEAD_KEPT = timedelta(days=30)
"""How long what could not be delivered can be looked at."""
BACKOFF: Mapping[str, tuple[float, float, float]] = {
    "mail": (10.0, 3.0, 7200.0),
    "sms": (2.0, 2.0, 30.0),
    "voice": (2.0, 2.0, 30.0),
    "backchannel_logout": (2.0, 2.0, 600.0),
}
"""First delay, growth and longest delay, in seconds."""

Send = Callable[[Delivery], dict[str, Any]]


class DeliveryWorker:
    """Claims, sends, settles. Needs an application context."""

    def __init__(
        self,
        store: EphemeralStore,
        clock: Clock,
        randomness: Randomness,
        mailer: Mailer,
        render_mail: RenderMail,
        logout: LogoutNotifier,
        phone: Mapping[str, PhoneGateway],
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._mailer = mailer
        self._render_mail = render_mail
        self._logout = logout
        self._phone = phone
        self._senders: dict[str, Send] = {
            "mail": self._send_mail,
            "backchannel_logout": self._send_logout,
            **dict.fromkeys(phone, self._send_to_phone),
        }

    def run_once(self, lane: str | None = None) -> int:
        """Send everything that is due, in one lane or all; how many were attempted."""
        lanes = list(LANES) if lane is None else [lane]
        kinds = [kind for name in lanes for kind in LANES[name] if kind in self._senders]
        attempted = 0
        while (claimed := self._claim(kinds)) is not None:
            attempted += 1
            self._deliver(*claimed)
        return attempted

    def run_forever(self, stop: threading.Event) -> None:
        """Work in every lane until told to stop."""
        context = app_contexts()
        threads = [
            threading.Thread(target=self._work, args=(context, lane, stop), name=f"deliver-{lane}")
            for lane, kinds in LANES.items()
            if any(kind in self._senders for kind in kinds)
        ]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            self.beat()
            stop.wait(BEAT_SECONDS)
        for thread in threads:
            thread.join(LEASE.total_seconds())

    def _work(self, context: AppContexts, lane: str, stop: threading.Event) -> None:
        while not stop.is_set():
            with context():
                self._try(lambda: self.run_once(lane))
            try:
                self._store.wait(wake_key(lane), POLL_SECONDS)
            except StoreUnavailable:
                stop.wait(POLL_SECONDS)

    @staticmethod
    def _try(work: Callable[[], object]) -> None:
        """A worker outlives whatever goes wrong once."""
        try:
            work()
        except DatabaseUnavailable:
            log.warning("deliveries wait for the database")
        except Exception:
            log.exception("delivering failed unexpectedly")

    def beat(self) -> None:
        """Say that this worker lives: for ``last_beat``."""
        # Without Redis nobody can read it either; the next beat says it again.
        with contextlib.suppress(StoreUnavailable):
            self._store.put(_BEAT, self._clock.now().isoformat(), 4 * BEAT_SECONDS)

    def last_beat(self) -> datetime | None:
        """When a worker last said that it lives; None if none did of late."""
        said = self._store.get(_BEAT)
        return None if said is None else datetime.fromisoformat(said.decode())

    def prune(self) -> None:
        """Drop rows that nobody asks for any more."""
        now = self._clock.now()
        with transaction() as session:
            session.execute(delete(Delivery).where(Delivery.done_at < now - KEPT))
            session.execute(delete(Delivery).where(Delivery.dead_at < now - DEAD_KEPT))

    def _claim(self, kinds: list[str]) -> tuple[str, datetime] | None:
        """Lease one due row; None when nothing is due. Of many workers one gets it."""
        now = self._clock.now()
        due = (
            Delivery.kind.in_(kinds),
            Delivery.done_at.is_(None),
            Delivery.dead_at.is_(None),
            Delivery.next_attempt_at <= now,
            (Delivery.lease_until.is_(None)) | (Delivery.lease_until <= now),
        )
        candidates = select(Delivery.id).where(*due).order_by(Delivery.next_attempt_at).limit(20)
        for found in db.session.scalars(candidates).all():
            with transaction() as session:
                claimed = session.execute(
                    update(Delivery)
                    .where(Delivery.id == found, *due)
                    .values(lease_until=now + LEASE, attempts=Delivery.attempts + 1)
                    .execution_options(synchronize_session=False)
                )
                if isinstance(claimed, CursorResult) and claimed.rowcount == 1:
                    return found, now + LEASE
        return None

    def _deliver(self, delivery_id: str, lease: datetime) -> None:
        """Send what was claimed and write down how it went."""
        try:
            row = db.session.get_one(Delivery, delivery_id, populate_existing=True)
        except SealBroken as error:
            log.error("delivery %s cannot be opened: %s", delivery_id, error)
            now = self._clock.now()
            self._settle(delivery_id, lease, {"dead_at": now, "last_error": str(error)[:500]})
            return
        try:
            kept = self._senders[row.kind](row)
        except NotDelivered as error:
            self._settle_failure(row, lease, str(error), error.final)
        except Exception as error:
            log.exception("delivery %s failed unexpectedly", row.id)
            self._settle_failure(row, lease, type(error).__name__, False)
        else:
            values = {"done_at": self._clock.now(), "payload": kept, "last_error": None}
            self._settle(row.id, lease, values)

    def _settle_failure(self, row: Delivery, lease: datetime, reason: str, final: bool) -> None:
        now = self._clock.now()
        log.warning("delivery %s (%s) failed: %s", row.id, row.kind, reason)
        values: dict[str, Any] = {"last_error": reason[:500]}
        if final or row.attempts >= MAX_ATTEMPTS:
            values["dead_at"] = now
        else:
            values["next_attempt_at"] = now + self._delay(row.kind, row.attempts)
        self._settle(row.id, lease, values)

    @staticmethod
    def _settle(delivery_id: str, lease: datetime, values: dict[str, Any]) -> None:
        """Write the outcome, unless the lease ran out and somebody else has it now."""
        with transaction() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.id == delivery_id, Delivery.lease_until == lease)
                .values(lease_until=None, **values)
                .execution_options(synchronize_session=False)
            )

    def _delay(self, kind: str, attempts: int) -> timedelta:
        first, growth, longest = BACKOFF[kind]
        seconds = min(longest, first * growth ** (attempts - 1))
        return timedelta(seconds=seconds * (0.8 + 0.4 * self._randomness.fraction()))

    def _send_mail(self, row: Delivery) -> dict[str, Any]:
        given = row.payload
        mail = self._render_mail(given["name"], given["locale"], given["context"])
        self._mailer.send(row.id, given["to"], mail)
        if not self._mailer.keeps:
            return {}
        return {
            "to": given["to"],
            "name": given["name"],
            "locale": given["locale"],
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
        }

    def _send_to_phone(self, row: Delivery) -> dict[str, Any]:
        given, gateway = row.payload, self._phone[row.kind]
        left = datetime.fromisoformat(given["expires_at"]) - self._clock.now()
        if left <= timedelta():
            raise NotDelivered("too late: the code has expired", final=True)
        gateway.send(given["to"], given["text"], given["locale"], left)
        return given if gateway.keeps else {}

    def _send_logout(self, row: Delivery) -> dict[str, Any]:
        self._logout.send(row.payload)
        return {}
