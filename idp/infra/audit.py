"""The audit log: named security events, one chain per tenant, each record tied to the one before.

A record's hash is an HMAC under a key derived from the master key over the record and the hash of
its predecessor; a head row per chain, authenticated likewise, holds the number of the last one. So
without the key no record can be changed, taken out, put in or cut off the end unseen. A chain whose
events *and* head were set back to an older state shows only against an export kept elsewhere.
Every service calls :meth:`Audit.record` in its own transaction (security rule 12).
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.database import Base, db, transaction
from idp.infra.sealing import Sealer

PLATFORM = "platform"
"""The chain of what belongs to no tenant."""
FIRST = "0" * 64
"""What stands for the predecessor of a chain's first record."""
PAGE = 500
"""Records read at a time."""
_KEY_ID = 8
_MAC = 56


class AuditEvent(Base):
    """One record."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_chain", "chain", "seq", unique=True),
        Index("ix_audit_events_subject", "subject", "at"),
        Index("ix_audit_events_category", "chain", "category", "seq"),
        Index("ix_audit_events_chain_subject", "chain", "subject", "seq"),
        Index("ix_audit_events_chain_at", "chain", "at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    chain: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int]
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(64))
    category: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(64))
    tenant_id: Mapped[str | None] = mapped_column(String(32))
    client_id: Mapped[str | None] = mapped_column(String(64))
    ip: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    def as_dict(self) -> dict[str, Any]:
        """The record as it is exported and as it is hashed, its own hash apart."""
        return {
            "id": self.id,
            "chain": self.chain,
            "seq": self.seq,
            "at": self.at.isoformat(timespec="microseconds"),
            "event": self.event,
            "category": self.category,
            "actor": self.actor,
            "subject": self.subject,
            "tenant_id": self.tenant_id,
            "client_id": self.client_id,
            "ip": self.ip,
            "outcome": self.outcome,
            "detail": self.detail,
            "previous_hash": self.previous_hash,
        }


class AuditHead(Base):
    """Where a chain ends; its row is also the lock of those who append."""

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    base_seq: Mapped[int] = mapped_column(default=0, server_default="0")
    base_hash: Mapped[str | None] = mapped_column(String(64))
    base_mac: Mapped[str | None] = mapped_column(String(64))


ProblemKind = Literal["edit", "gap", "cut tail", "foreign key"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that ``idp audit verify`` found, in which chain and at which record."""

    chain: str
    seq: int
    kind: ProblemKind
    text: str


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"id" + key).hexdigest()[:_KEY_ID]


def _mac(key: bytes, data: bytes) -> str:
    """64 characters: which key, and the code itself."""
    return _key_id(key) + hmac.digest(key, data, "sha256").hex()[:_MAC]


def _short(value: str | None) -> str | None:
    """What fits the column: some of it may come from a request that was refused."""
    return None if value is None else value.replace("\x00", "")[:64]


class Audit:
    """Records events, and checks what was recorded."""

    def __init__(self, clock: Clock, randomness: Randomness, sealer: Sealer) -> None:
        self._clock = clock
        self._randomness = randomness
        self._keys = {_key_id(key): key for key in sealer.derive_all("audit")}
        self._key = sealer.derive("audit")

    def record(
        self,
        event: str,
        *,
        category: str,
        tenant_id: str | None = None,
        actor: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
        ip: str | None = None,
        outcome: str = "success",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one event to its tenant's chain, or the platform's, in the caller's transaction.

        ``detail`` holds no secret; what is no JSON value in it is kept as text.
        """
        chain = tenant_id or PLATFORM
        with transaction() as session:
            head = session.scalar(
                select(AuditHead).where(AuditHead.chain == chain).with_for_update()
            )
            if head is None:
                head = self._first_head(chain)
            previous = FIRST
            if head.seq:
                at_head = AuditEvent.chain == chain, AuditEvent.seq == head.seq
                previous = session.scalar(select(AuditEvent.hash).where(*at_head)) or FIRST
            row = AuditEvent(
                id=self._randomness.uuid(),
                chain=chain,
                seq=head.seq + 1,
                at=self._clock.now(),
                event=event,
                category=category,
                actor=_short(actor),
                subject=_short(subject),
                tenant_id=tenant_id,
                client_id=_short(client_id),
                ip=_short(ip),
                outcome=outcome,
                detail=json.loads(json.dumps(detail or {}, default=str)),
                previous_hash=previous,
            )
            row.hash = _mac(self._key, _canonical(row.as_dict()))
            head.seq, head.hash = row.seq, self._head_hash(self._key, chain, row.seq, row.hash)
            session.add(row)
            session.flush()

    def _first_head(self, chain: str) -> AuditHead:
        """The chain's head row, made at its first event even if two come at once."""
        values = {"chain": chain, "seq": 0, "hash": FIRST}
        if db.engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            db.session.execute(
                postgresql_insert(AuditHead).values(**values).on_conflict_do_nothing()
            )
        else:  # the write lock is ours already
            db.session.add(AuditHead(**values))
            db.session.flush()
        query = select(AuditHead).where(AuditHead.chain == chain).with_for_update()
        return db.session.scalars(query).one()

    @staticmethod
    def _head_hash(key: bytes, chain: str, seq: int, last: str) -> str:
        return _mac(key, _canonical({"head": chain, "seq": seq, "last": last}))

    def chains(self) -> list[str]:
        """Every chain there is, by events or by head."""
        events = db.session.scalars(select(AuditEvent.chain).distinct())
        return sorted({*events, *db.session.scalars(select(AuditHead.chain))})

    def export(self, chain: str) -> Iterator[dict[str, Any]]:
        """A chain's records in order, each with its hash."""
        for row in self._records(chain):
            yield {**row.as_dict(), "hash": row.hash}

    def verify(self, chain: str | None = None) -> list[Problem]:
        """What is wrong with a chain, or with any; empty when nothing is."""
        chains = self.chains() if chain is None else [chain]
        return [problem for name in chains for problem in self._verify(name)]

    @staticmethod
    def _records(chain: str) -> Iterator[AuditEvent]:
        """In order, some at a time, so that a long chain neither fills memory nor holds a lock."""
        query = select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.seq)
        options = {"populate_existing": True}
        after = -1
        while True:
            some = query.where(AuditEvent.seq > after).limit(PAGE)
            rows = db.session.scalars(some, execution_options=options).all()
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].seq
            for row in rows:
                db.session.expunge(row)

    def _verify(self, chain: str) -> Iterator[Problem]:
        last = 0
        last_hash = FIRST
        for row in self._records(chain):
            if row.seq != last + 1:
                text = f"records {last + 1} to {row.seq - 1} are missing"
                yield Problem(chain, last + 1, "gap", text)
            elif row.previous_hash != last_hash:
                text = f"record {row.seq} does not follow from record {last}"
                yield Problem(chain, row.seq, "edit", text)
            key = self._keys.get(row.hash[:_KEY_ID])
            if key is None:
                text = f"record {row.seq} was made with a master key that is not configured"
                yield Problem(chain, row.seq, "foreign key", text)
            elif not hmac.compare_digest(row.hash, _mac(key, _canonical(row.as_dict()))):
                yield Problem(chain, row.seq, "edit", f"record {row.seq} was changed")
            last, last_hash = row.seq, row.hash
        yield from self._verify_head(chain, last, last_hash)

    def _verify_head(self, chain: str, last: int, last_hash: str) -> Iterator[Problem]:
        query = select(AuditHead).where(AuditHead.chain == chain)
        head = db.session.scalar(query, execution_options={"populate_existing": True})
        if head is None:
            yield Problem(chain, last + 1, "cut tail", "the head of the chain is missing")
            return
        if head.seq > last:
            text = f"records {last + 1} to {head.seq} were cut off the end"
            yield Problem(chain, last + 1, "cut tail", text)
            return
        key = self._keys.get(head.hash[:_KEY_ID])
        if key is None:
            text = "the head was made with a master key that is not configured"
            yield Problem(chain, last, "foreign key", text)
        elif not hmac.compare_digest(head.hash, self._head_hash(key, chain, last, last_hash)):
            yield Problem(chain, last, "edit", "the head of the chain does not fit its last record")
