"""Letting old records of the change log go, so that the rest stays provable.

The last record that goes becomes the chain's base: its number and hash, with a code of their own,
take its place as the predecessor of what stays. That it happened is itself an event of the chain:
how many, up to when, and the hash of the last one, so an export made before still joins on.
``RETENTION`` bounds what a company may choose; the worker runs :meth:`AuditRetention.run` hourly.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from idp.core.clock import Clock
from idp.infra.audit import Audit
from idp.infra.audit_records import (
    FIRST,
    PLATFORM,
    AuditEvent,
    AuditHead,
    base_of,
    head_of,
)
from idp.infra.database import db, transaction

log = logging.getLogger(__name__)

SHORTEST, LONGEST = 90, 3650
"""Days that a company may have its change log kept, if not for ever."""
PORTION = 2000
"""Records that go in one unit of work."""
_PORTIONS = 50
"""Units of work in one run; the next hour goes on."""
_SLACK = timedelta(days=1)
"""How long what is due may wait, so that a quiet company's log is not full of letting go."""

Kept = Callable[[], Iterable[tuple[str, int]]]
"""Chains whose records are not kept for ever, and for how many days."""


class AuditRetention:
    """Lets go what is older than its company wants to keep."""

    def __init__(self, clock: Clock, audit: Audit, kept: Kept) -> None:
        self._clock = clock
        self._audit = audit
        self._kept = kept

    def run(self) -> int:
        """Everything that is due, as far as one run goes; how many records went."""
        gone, left = 0, _PORTIONS
        for chain, days in self._kept():
            due = self._clock.now() - timedelta(days=max(days, SHORTEST))
            if not self._is_worth_it(chain, due - _SLACK):
                continue
            while left > 0 and (count := self.let_go(chain, due, days)):
                left -= 1
                gone += count
                if count < PORTION:
                    break
        return gone

    def let_go(self, chain: str, before: datetime, days: int) -> int:
        """One portion of the records older than that; how many. The newest always stays, so the
        chain goes on to say for how many ``days`` it is kept (``people.log.settings``).
        """
        with transaction() as session:
            head = head_of(chain, lock=True)
            if head is None:
                return 0
            count, last_hash, until = 0, head.base_hash or FIRST, before
            for row in self._oldest(head):
                follows = (row.seq, row.previous_hash) == (head.base_seq + count + 1, last_hash)
                if not follows or not self._audit.keys.check_row(row):
                    # What was tampered with must not vanish behind the base.
                    log.error("a record of the change log cannot be let go", extra={"seq": row.seq})
                    break
                if row.at >= before:
                    break
                count, last_hash, until = count + 1, row.hash, row.at
                session.expunge(row)
            if not count:
                return 0
            last = head.base_seq + count
            session.execute(
                delete(AuditEvent)
                .where(
                    AuditEvent.chain == chain,
                    AuditEvent.seq > head.base_seq,
                    AuditEvent.seq <= last,
                )
                .execution_options(synchronize_session=False)
            )
            head.base_seq, head.base_hash = last, last_hash
            head.base_mac = self._audit.keys.sign(base_of(chain, last, last_hash))
            session.flush()
            self._audit.record(
                "log.let_go",
                category="log",
                tenant_id=None if chain == PLATFORM else chain,
                actor="retention",
                detail={
                    "days": days,
                    "count": count,
                    "until": until.isoformat(timespec="seconds"),
                    "last_record": last,
                    "last_hash": last_hash,
                },
            )
        return count

    @staticmethod
    def _oldest(head: AuditHead) -> Sequence[AuditEvent]:
        query = select(AuditEvent).where(
            AuditEvent.chain == head.chain,
            AuditEvent.seq > head.base_seq,
            AuditEvent.seq < head.seq,
        )
        return db.session.scalars(query.order_by(AuditEvent.seq).limit(PORTION)).all()

    @staticmethod
    def _is_worth_it(chain: str, before: datetime) -> bool:
        query = select(AuditEvent.at).where(AuditEvent.chain == chain)
        oldest = db.session.scalar(query.order_by(AuditEvent.seq).limit(1))
        return oldest is not None and oldest < before
