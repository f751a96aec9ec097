"""The rows of the change log, and the codes that make changes to them show.

What the other modules of the log stand on: the tables, how a record becomes bytes, the keys.

A record's hash covers all of it, but in place of the address a code of the address, made with the
same key: so an export can leave the address out and be checked all the same. Which key made a hash
is written before it, and the keys of records are used for nothing else. Records from before
(version 1) were made with the log's own key, over the address itself; they are checked as they were
made, and their exports cannot do without it.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.infra.database import Base, db
from idp.infra.sealing import Sealer

PLATFORM = "platform"
"""The chain of what belongs to no tenant."""
FIRST = "0" * 64
"""What stands for the predecessor of a chain's first record."""
VERSION = 2
"""Of the records that are made now."""
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
        Index("ix_audit_events_chain_actor", "chain", "actor", "seq"),
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
        """The record with its address, its own hash apart; so were those of version 1 hashed."""
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
    """Where a chain ends; its row is also the lock of those who append.

    ``base_seq`` and ``base_hash``: the last record that was let go, 0 and None before the first;
    ``base_mac`` makes sure of both.
    """

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    base_seq: Mapped[int] = mapped_column(default=0, server_default="0")
    base_hash: Mapped[str | None] = mapped_column(String(64))
    base_mac: Mapped[str | None] = mapped_column(String(64))


class AuditKeys:
    """Makes and checks the codes of records, heads and bases."""

    def __init__(self, sealer: Sealer) -> None:
        self._keys = {_key_id(key): key for key in sealer.derive_all("audit")}
        self._newest = sealer.derive("audit")
        self._of_records = {_key_id(key): key for key in sealer.derive_all("audit-records")}
        self._newest_of_records = sealer.derive("audit-records")

    def sign(self, value: Mapping[str, Any]) -> str:
        """The code of a value under the newest key: which key, and the code itself."""
        return _code(self._newest, value)

    def check(self, value: Mapping[str, Any], code: object) -> bool | None:
        """Whether the code is the value's; None where its key is not configured."""
        key = self._keys.get(str(code)[:_KEY_ID])
        if key is None:
            return None
        return _same(code, _code(key, value))

    def seal(self, row: AuditEvent) -> str:
        """The hash of a record, of the present version."""
        key = self._newest_of_records
        return _code(key, _covered(row.as_dict(), _address_code(key, row.as_dict())))

    def check_row(self, row: AuditEvent) -> bool | None:
        """Whether the hash is the record's; None where its key is not configured."""
        return self.check_exported(self.exported(row))

    def exported(self, row: AuditEvent, *, address: bool = True) -> dict[str, Any]:
        """A record as it leaves the house: all that its hash covers, and the hash.

        Without the ``address`` where it can do without: a record of version 1 cannot.
        """
        key = self._of_records.get(row.hash[:_KEY_ID])
        if key is None:
            return {**row.as_dict(), "hash": row.hash}
        record = row.as_dict()
        covered = _covered(record, _address_code(key, record))
        return {**covered, **({"ip": row.ip} if address else {}), "hash": row.hash}

    def check_exported(self, exported: Mapping[str, Any]) -> bool | None:
        """The same of a record that was exported, with its address or without."""
        record = {name: value for name, value in exported.items() if name != "hash"}
        code = exported["hash"]
        key = self._of_records.get(str(code)[:_KEY_ID])
        if key is None:
            return self.check(record, code)
        covered = {name: value for name, value in record.items() if name != "ip"}
        if not _same(code, _code(key, covered)):
            return False
        return "ip" not in record or _same(record["ip_code"], _address_code(key, record))


def end_of(chain: str, seq: int, last: str) -> dict[str, Any]:
    """What a head's code covers: the number of the last record, and its hash."""
    return {"head": chain, "seq": seq, "last": last}


def base_of(chain: str, seq: int, last: str | None) -> dict[str, Any]:
    """What the code of a base covers: the last record that was let go."""
    return {"base": chain, "seq": seq, "last": last}


def records(chain: str) -> Iterator[AuditEvent]:
    """In order, some at a time, so that a long chain neither fills memory nor holds a lock."""
    query = select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.seq)
    some = query
    while True:
        options = {"populate_existing": True}
        rows = db.session.scalars(some.limit(PAGE), execution_options=options).all()
        yield from rows
        if len(rows) < PAGE:
            return
        some = query.where(AuditEvent.seq > rows[-1].seq)
        for row in rows:
            db.session.expunge(row)


def head_of(chain: str, *, lock: bool = False) -> AuditHead | None:
    """The chain's head as stored now; ``lock``: nobody appends until the unit of work ends."""
    query = select(AuditHead).where(AuditHead.chain == chain)
    if lock:
        query = query.with_for_update()
    return db.session.scalar(query, execution_options={"populate_existing": True})


def _covered(record: Mapping[str, Any], address_code: object) -> dict[str, Any]:
    """What the hash of a record of the present version covers."""
    kept = {name: value for name, value in record.items() if name != "ip"}
    return {**kept, "version": VERSION, "ip_code": address_code}


def _address_code(key: bytes, record: Mapping[str, Any]) -> str | None:
    """A code of the address that only the key can make, another one in each record."""
    if record["ip"] is None:
        return None
    return _code(key, {"record": record["id"], "ip": record["ip"]})


def _same(code: object, wanted: str | None) -> bool:
    """Whether two codes are one, in constant time."""
    if code is None or wanted is None:
        return code is wanted
    return hmac.compare_digest(str(code).encode("utf-8", "replace"), wanted.encode())


def _code(key: bytes, value: Mapping[str, Any]) -> str:
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return _key_id(key) + hmac.digest(key, data, "sha256").hex()[:_MAC]


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"id" + key).hexdigest()[:_KEY_ID]
