"""What operators do to the platform itself: signing keys, dead letters, proofs of the change logs.

Everything here is refused to whoever is not an operator, and written into the platform's own log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from idp.core.clock import Clock
from idp.infra.audit import PLATFORM, Audit, AuditEvent
from idp.infra.background import Background
from idp.infra.database import after_commit, db, transaction
from idp.infra.delivery_queue import DeliveryQueue
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import KeyInfo, Keyring
from idp.people.actors import Actor

KEY_AGE = timedelta(days=180)
"""Since when it has signed, from which on a key is due for rotation."""
_WANTED = "audit-verify"
_WANTED_SECONDS = 86400
_CATEGORY = "operations"


@dataclass(frozen=True, slots=True)
class Verification:
    """When a chain was last checked, and how many problems were found; ``first``: the first."""

    chain: str
    at: datetime
    problems: int
    first: str


class Operations:
    """Rotates, retires, tries again, drops, verifies."""

    def __init__(
        self,
        clock: Clock,
        store: EphemeralStore,
        audit: Audit,
        keyring: Keyring,
        queue: DeliveryQueue,
        background: Background,
    ) -> None:
        self._clock = clock
        self._store = store
        self._audit = audit
        self._keyring = keyring
        self._background = background
        self.queue = queue
        """The outbox, to be looked at."""
        background.jobs.append(self.verify_next)

    # Signing keys

    def rotate_keys(
        self, actor: Actor, alg: str | None = None, *, immediately: bool = False
    ) -> Sequence[str]:
        """Publish the next key of an algorithm, or of each in use; see ``Keyring.rotate``."""
        actor.check_operator()
        with transaction():
            made = self._keyring.rotate(alg, immediately=immediately)
            detail = {"made": list(made), "immediately": immediately}
            self._record("keys.rotated", actor, detail)
        return made

    def retire_key(self, actor: Actor, kid: str) -> None:
        """Stop trusting a key at once; raises ``UnknownKey``."""
        actor.check_operator()
        with transaction():
            self._keyring.retire(kid)
            self._record("keys.retired", actor, {"kid": kid})

    def keys_due(self) -> list[KeyInfo]:
        """Keys that have signed for long and have no successor yet."""
        keys = self._keyring.list()
        followed = {key.alg for key in keys if key.state == "next"}
        oldest = self._clock.now() - KEY_AGE
        return [
            key
            for key in keys
            if key.state == "signing" and key.active_from < oldest and key.alg not in followed
        ]

    # Dead letters

    def retry_letter(self, actor: Actor, delivery_id: str) -> None:
        """Send what was given up once more; raises ``UnknownDelivery``."""
        actor.check_operator()
        self.queue.retry(delivery_id, actor.subject)

    def retry_letters(self, actor: Actor, kind: str) -> int:
        """The same for all of a kind."""
        actor.check_operator()
        return self.queue.retry_all(kind, actor.subject)

    def drop_letter(self, actor: Actor, delivery_id: str) -> None:
        """Never send it; raises ``UnknownDelivery``."""
        actor.check_operator()
        self.queue.drop(delivery_id, actor.subject)

    def drop_letters(self, actor: Actor, kind: str) -> int:
        """The same for all of a kind."""
        actor.check_operator()
        return self.queue.drop_all(kind, actor.subject)

    # Proofs of the change logs

    def ask_to_verify(self, actor: Actor, chain: str) -> None:
        """Have a chain checked from its first record to its last; no request waits for it."""
        actor.check_operator()
        with transaction():
            self._record("audit.verification_asked", actor, {"chain": chain})
            after_commit(
                lambda: self._store.hash_put(_WANTED, chain, actor.subject, _WANTED_SECONDS)
            )
            self._background.wake()

    def verifying(self) -> frozenset[str]:
        """The chains that are yet to be checked."""
        return frozenset(self._store.hash_all(_WANTED))

    def verify_next(self) -> bool:
        """Check one chain that was asked for; whether others are left. A background job."""
        wanted = self._store.hash_all(_WANTED)
        if not wanted:
            return False
        chain, asked_by = next(iter(sorted(wanted.items())))
        problems = self._audit.verify(chain)
        with transaction():
            self._audit.record(
                "audit.verified",
                category=_CATEGORY,
                actor=asked_by.decode(),
                outcome="failure" if problems else "success",
                detail={
                    "chain": chain,
                    "problems": len(problems),
                    "first": problems[0].text if problems else "",
                },
            )
            after_commit(lambda: self._store.hash_delete(_WANTED, chain))
        return len(wanted) > 1

    def verifications(self, limit: int = 10) -> list[Verification]:
        """The last checks, the latest first."""
        query = (
            select(AuditEvent.at, AuditEvent.detail)
            .where(
                AuditEvent.chain == PLATFORM,
                AuditEvent.category == _CATEGORY,
                AuditEvent.event == "audit.verified",
            )
            .order_by(AuditEvent.seq.desc())
            .limit(limit)
        )
        return [
            Verification(detail["chain"], at, detail["problems"], detail["first"])
            for at, detail in db.session.execute(query)
        ]

    def _record(self, event: str, actor: Actor, detail: dict[str, Any]) -> None:
        self._audit.record(event, category=_CATEGORY, actor=actor.subject, detail=detail)
