"""The audit log: named security events, one chain per tenant, each record tied to the one before.

A record's hash is an HMAC under a key derived from the master key over the record and the hash of
its predecessor; a head row per chain, authenticated likewise, holds the number of the last one. So
without the key no record can be changed, taken out, put in or cut off the end unseen. A chain whose
events *and* head were set back to an older state shows only against an export kept elsewhere.
Every service calls :meth:`Audit.record` in its own transaction (security rule 12).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.audit_check import Problem, verify_chain
from idp.infra.audit_records import (
    FIRST,
    PLATFORM,
    AuditEvent,
    AuditHead,
    AuditKeys,
    end_of,
    records,
)
from idp.infra.database import db, transaction
from idp.infra.sealing import Sealer
from idp.infra.statements import Prepared, writing

__all__ = ["PLATFORM", "Audit", "AuditEvent", "AuditHead", "Problem"]


_HEAD = Prepared(
    select(AuditHead.seq, AuditHead.base_hash)
    .where(AuditHead.chain == bindparam("chain"))
    .with_for_update()
)
_HASH = Prepared(
    select(AuditEvent.hash).where(
        AuditEvent.chain == bindparam("chain"), AuditEvent.seq == bindparam("seq")
    )
)
_COLUMNS = tuple(AuditEvent.__table__.columns.keys())
_ADD = Prepared(insert(AuditEvent).values({name: bindparam(name) for name in _COLUMNS}))
_MOVE_HEAD = Prepared(
    update(AuditHead)
    .where(AuditHead.chain == bindparam("of_chain"))
    .values(seq=bindparam("seq"), hash=bindparam("hash"))
)


def _short(value: str | None) -> str | None:
    """What fits the column: some of it may come from a request that was refused."""
    return None if value is None else value.replace("\x00", "")[:64]


class Audit:
    """Records events, and checks what was recorded."""

    def __init__(self, clock: Clock, randomness: Randomness, sealer: Sealer) -> None:
        self._clock = clock
        self._randomness = randomness
        self.keys = AuditKeys(sealer)
        self.address: Callable[[], str | None] = lambda: None
        """From where the request at hand comes, if there is one: set from above."""
        self.on_expected: list[Callable[[], Iterable[str]]] = []
        """Each names chains that there must be, whatever the tables of the log say."""

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

        ``ip`` of somebody's act (``actor``) is that of the request, unless it is given. ``detail``
        holds no secret; what is no JSON value in it is kept as text.
        """
        if ip is None and actor is not None:
            ip = self.address()
        chain = tenant_id or PLATFORM
        with transaction(), writing() as connection:
            head = _HEAD.first(connection, {"chain": chain}) or self._first_head(connection, chain)
            previous = head["base_hash"] or FIRST
            if head["seq"]:
                last = _HASH.first(connection, {"chain": chain, "seq": head["seq"]})
                previous = last["hash"] if last is not None else previous
            row = AuditEvent(
                id=self._randomness.uuid(),
                chain=chain,
                seq=head["seq"] + 1,
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
            row.hash = self.keys.seal(row)
            _ADD.run(connection, {name: getattr(row, name) for name in _COLUMNS})
            end = self.keys.sign(end_of(chain, row.seq, row.hash))
            _MOVE_HEAD.run(connection, {"of_chain": chain, "seq": row.seq, "hash": end})

    @staticmethod
    def _first_head(connection: Connection, chain: str) -> dict[str, Any]:
        """The chain's head row, made at its first event even if two come at once."""
        values = {"chain": chain, "seq": 0, "hash": FIRST, "base_seq": 0}
        if db.engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            connection.execute(
                postgresql_insert(AuditHead).values(**values).on_conflict_do_nothing()
            )
        else:  # the write lock is ours already
            connection.execute(insert(AuditHead).values(**values))
        made = _HEAD.first(connection, {"chain": chain})
        if made is None:
            raise RuntimeError(f"the chain {chain} has no head")
        return made

    def chains(self) -> list[str]:
        """Every chain there is or must be: by events, by head, or because its company exists."""
        events = db.session.scalars(select(AuditEvent.chain).distinct())
        expected = (chain for hook in self.on_expected for chain in hook())
        return sorted({*events, *db.session.scalars(select(AuditHead.chain)), *expected})

    def export(self, chain: str) -> Iterator[dict[str, Any]]:
        """A chain's records in order, each with its hash."""
        for row in records(chain):
            yield self.keys.exported(row)

    def verify(self, chain: str | None = None) -> list[Problem]:
        """What is wrong with a chain, or with any; empty when nothing is."""
        chains = self.chains() if chain is None else [chain]
        return [problem for name in chains for problem in verify_chain(self.keys, name)]
