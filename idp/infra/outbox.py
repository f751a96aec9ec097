"""The outbox: what is to be sent is written in the transaction of its cause, and sent afterwards.

Services queue a mail or a logout notice; the row is committed with the change that caused it or not
at all. ``infra.delivery_worker`` sends it, tries again for hours, and gives up visibly. The content
is sealed, and wiped once delivered, except mail that is kept for ``/dev/outbox``.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.database import Base, SealedJson, after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable

LANES: Mapping[str, tuple[str, ...]] = {
    "mail": ("mail",),
    "phone": ("sms", "voice"),
    "logout": ("backchannel_logout",),
}
"""What waits in one line: a slow mail server must not hold up a logout notice."""


class Delivery(Base):
    """One thing to be sent, or sent, or given up."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "done_at", "next_attempt_at"),
        Index("ix_deliveries_dead", "dead_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(SealedJson("deliveries.payload"))
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))


def wake_key(lane: str) -> str:
    """Where the workers of a lane wait for work."""
    return f"outbox:{lane}"


class Outbox:
    """Queues what is to be sent, in the caller's transaction."""

    def __init__(self, clock: Clock, randomness: Randomness, store: EphemeralStore) -> None:
        self._clock = clock
        self._randomness = randomness
        self._store = store

    def mail(self, to: str, name: str, locale: str, context: Mapping[str, Any]) -> str:
        """Queue the mail ``name`` in a language; ``context`` is what its template is given."""
        payload = {"to": to, "name": name, "locale": locale, "context": dict(context)}
        return self._queue("mail", "mail", payload)

    def sms(self, to: str, text: str, expires_at: datetime) -> str:
        """Queue a text message to a number in E.164 form; not sent any more once it expires."""
        payload = {"to": to, "text": text, "locale": "", "expires_at": expires_at.isoformat()}
        return self._queue("phone", "sms", payload)

    def voice(self, to: str, text: str, locale: str, expires_at: datetime) -> str:
        """Queue a call that speaks the text in a language; each paragraph ends in a pause."""
        payload = {"to": to, "text": text, "locale": locale, "expires_at": expires_at.isoformat()}
        return self._queue("phone", "voice", payload)

    def backchannel_logout(
        self, client_id: str, uri: str, logout_token: str | Mapping[str, Any]
    ) -> str:
        """Queue a logout notice (OIDC Back-Channel Logout §2.5).

        Given claims instead of a token, each attempt signs them anew, so that a late one carries
        a token that has not expired.
        """
        token = logout_token if isinstance(logout_token, str) else dict(logout_token)
        payload = {"client_id": client_id, "uri": uri, "logout_token": token}
        return self._queue("logout", "backchannel_logout", payload)

    def _queue(self, lane: str, kind: str, payload: dict[str, Any]) -> str:
        now = self._clock.now()
        row = Delivery(
            id=self._randomness.uuid(),
            kind=kind,
            payload=payload,
            created_at=now,
            next_attempt_at=now,
            lease_until=None,
            attempts=0,
            done_at=None,
            dead_at=None,
            last_error=None,
        )
        with transaction() as session:
            session.add(row)
            session.flush()
            self.wake(lane)
        return row.id

    def wake(self, lane: str) -> None:
        """There is work in a lane; in a unit of work it is said after the commit."""
        after_commit(lambda: self._signal(lane))

    def _signal(self, lane: str) -> None:
        # Without Redis the worker looks by itself every few seconds.
        with contextlib.suppress(StoreUnavailable):
            self._store.signal(wake_key(lane))


def list_dead(limit: int = 100) -> list[Delivery]:
    """What could not be delivered, the latest first."""
    query = select(Delivery).where(Delivery.dead_at.is_not(None))
    return list(db.session.scalars(query.order_by(Delivery.dead_at.desc()).limit(limit)))
