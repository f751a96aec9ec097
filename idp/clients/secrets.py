"""Secrets of clients: made, rotated with an overlap, ended, and when each was last used.

They are random, so their SHA-256 is kept and compared in constant time. The last use is noted once
an hour for each secret: a process remembers what it has noted, a mark in Redis waits for the
background worker to write it down, so no request waits for the database (T12).
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from idp.clients.client import Client
from idp.clients.models import ClientSecret
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest, same
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable

MAX_OVERLAP = 90 * 86400
NOTED_AGAIN = timedelta(hours=1)
_USES = "client-secret-uses"
_USES_TTL = 7 * 86400
_MOST_REMEMBERED = 20_000


class LastSecret(ValueError):
    """The only valid secret cannot be ended, since nothing would be left to sign in with."""

    code = "last-secret"


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """What may be shown of a secret."""

    id: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ClientSecrets:
    """Works in the caller's transaction, but for what is noted of their use."""

    def __init__(self, store: EphemeralStore, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._noted: dict[str, datetime] = {}

    def check(self, client: Client, secret: str) -> bool:
        """Whether it is one of the client's secrets still valid; looks at all of them."""
        presented, now = digest(secret), self._clock.now()
        right = False
        for known, expires_at in client.secrets:
            valid = expires_at is None or now < expires_at
            right |= same(known, presented) and valid
        if right:
            noted = self._noted.get(presented)
            if noted is None or now - noted >= NOTED_AGAIN:
                self._note(presented, now)
        return right

    def _note(self, used: str, now: datetime) -> None:
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[used] = now
        with contextlib.suppress(StoreUnavailable):
            self._store.hash_put(_USES, used, str(int(now.timestamp())), _USES_TTL)

    def write_down_uses(self) -> bool:
        """The marks of Redis into the database; for the background worker. Nothing is left."""
        marks = self._store.hash_all(_USES)
        if marks:
            with transaction() as session:
                for used, at in marks.items():
                    session.execute(
                        update(ClientSecret)
                        .where(ClientSecret.digest == used)
                        .values(last_used_at=_moment(at))
                    )
            for used in marks:
                self._store.hash_delete(_USES, used)
        return False

    def list(self, client: Client) -> Sequence[SecretFacts]:
        """What is known of the client's secrets that are still valid, latest first."""
        query = (
            select(ClientSecret)
            .where(ClientSecret.client_id == client.id)
            .order_by(ClientSecret.created_at.desc(), ClientSecret.id)
        )
        now = self._clock.now()
        rows = [
            row for row in db.session.scalars(query) if not row.expires_at or row.expires_at > now
        ]
        marks: dict[str, bytes] = {}
        if rows:
            with contextlib.suppress(StoreUnavailable):
                marks = self._store.hash_all(_USES)
        return [
            SecretFacts(
                row.id,
                row.created_at,
                row.expires_at,
                _moment(marks[row.digest]) if row.digest in marks else row.last_used_at,
            )
            for row in rows
        ]

    def issue(self, row_id: str) -> str:
        """A further secret of the client with that row id."""
        secret = self._randomness.token()
        db.session.add(
            ClientSecret(
                id=self._randomness.uuid(),
                client_id=row_id,
                digest=digest(secret),
                created_at=self._clock.now(),
            )
        )
        return secret

    def rotate(self, client: Client, overlap_seconds: int) -> str:
        """A new secret; the old ones hold for the overlap at most."""
        if not 0 <= overlap_seconds <= MAX_OVERLAP:
            raise ValueError(f"the overlap is 0 to {MAX_OVERLAP} seconds")
        now = self._clock.now()
        ends = now + timedelta(seconds=overlap_seconds)
        query = select(ClientSecret).where(ClientSecret.client_id == client.id)
        for old in db.session.scalars(query):
            if old.expires_at is None or old.expires_at > ends:
                old.expires_at = ends
            if old.expires_at <= now:
                db.session.delete(old)
        return self.issue(client.id)

    def end(self, client: Client, secret_id: str) -> bool:
        """End one at once; False where there is none. Raises ``LastSecret`` for the only one."""
        query = select(ClientSecret).where(ClientSecret.client_id == client.id)
        now = self._clock.now()
        valid = [
            row for row in db.session.scalars(query) if not row.expires_at or row.expires_at > now
        ]
        chosen = next((row for row in valid if row.id == secret_id), None)
        if chosen is None:
            return False
        if len(valid) == 1:
            raise LastSecret
        db.session.delete(chosen)
        return True


def _moment(stored: bytes) -> datetime:
    return datetime.fromtimestamp(int(stored), UTC)
