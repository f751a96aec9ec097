"""The outbox as operators see it: what waits, what is tried again, what was given up.

Nothing here shows what a message says, since mail carries links that open accounts; of the address
only as much as tells one from another. What was given up can be tried once more or dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    delete,
    func,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.engine import CursorResult, Dialect

from idp.core.clock import Clock
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.outbox import LANES, Delivery, Outbox
from idp.infra.sealing import SealBroken

State = Literal["waiting", "trying", "dead"]
Cursor = tuple[datetime, str]
"""Moment and id of the last row seen."""

KINDS = tuple(kind for kinds in LANES.values() for kind in kinds)
_LANE_OF = {kind: lane for lane, kinds in LANES.items() for kind in kinds}
_OPEN = (Delivery.done_at.is_(None), Delivery.dead_at.is_(None))
_STATES: Mapping[State, tuple[ColumnElement[bool], ...]] = {
    "waiting": (*_OPEN, Delivery.attempts == 0),
    "trying": (*_OPEN, Delivery.attempts > 0),
    "dead": (Delivery.dead_at.is_not(None),),
}


class UnknownDelivery(LookupError):
    """No such dead letter (any more)."""


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """One thing to be sent. ``name``: a mail's template; ``to``: masked, empty where it cannot be
    opened; ``client_id``: whom a logout notice is for.
    """

    id: str
    kind: str
    name: str
    to: str
    client_id: str
    created_at: datetime
    next_attempt_at: datetime
    dead_at: datetime | None
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Rows, and where the next page begins."""

    rows: tuple[QueuedRow, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many wait, are tried again and were given up (by kind); ``late_since``: since when the
    longest waiting one should have gone out.
    """

    waiting: int
    trying: int
    dead: Mapping[str, int]
    late_since: datetime | None


class DeliveryQueue:
    """Counts, lists, tries again, drops."""

    def __init__(self, clock: Clock, outbox: Outbox, audit: Audit) -> None:
        self._clock = clock
        self._outbox = outbox
        self._audit = audit

    def state(self) -> QueueState:
        """The queue in numbers."""
        failed = (Delivery.attempts > 0).label("failed")
        counted = select(failed, func.count()).where(*_OPEN).group_by("failed")
        pending = {bool(tried): count for tried, count in db.session.execute(counted)}
        dead = select(Delivery.kind, func.count()).where(*_STATES["dead"]).group_by(Delivery.kind)
        due = (*_OPEN, Delivery.next_attempt_at <= self._clock.now())
        return QueueState(
            waiting=pending.get(False, 0),
            trying=pending.get(True, 0),
            dead=_counts(dead),
            late_since=db.session.scalar(select(func.min(Delivery.next_attempt_at)).where(*due)),
        )

    def list(self, state: State, *, after: Cursor | None = None, limit: int = 50) -> QueuePage:
        """What is next comes first; of what was given up, the latest."""
        dead = state == "dead"
        moment = Delivery.dead_at if dead else Delivery.next_attempt_at
        columns = [column for column in Delivery.__table__.columns if column.name != "payload"]
        sealed = type_coerce(Delivery.payload, LargeBinary).label("sealed")
        query = select(*columns, sealed).where(*_STATES[state]).limit(limit + 1)
        if after is not None:
            here = tuple_(moment, Delivery.id)
            query = query.where(here < after if dead else here > after)
        order = (moment.desc(), Delivery.id.desc()) if dead else (moment, Delivery.id)
        found = db.session.execute(query.order_by(*order)).all()
        last = found[limit - 1] if len(found) > limit else None
        return QueuePage(
            rows=tuple(_row(row) for row in found[:limit]),
            next=((last.dead_at if dead else last.next_attempt_at), last.id) if last else None,
        )

    def retry(self, delivery_id: str, actor: str) -> None:
        """Try a dead letter again from the beginning; raises ``UnknownDelivery``."""
        if not self._retry(actor, Delivery.id == delivery_id):
            raise UnknownDelivery

    def retry_all(self, kind: str, actor: str) -> int:
        """The same for every dead letter of a kind; how many there were."""
        return self._retry(actor, Delivery.kind == kind)

    def drop(self, delivery_id: str, actor: str) -> None:
        """Forget a dead letter; raises ``UnknownDelivery``."""
        if not self._drop(actor, Delivery.id == delivery_id):
            raise UnknownDelivery

    def drop_all(self, kind: str, actor: str) -> int:
        """Forget every dead letter of a kind; how many there were."""
        return self._drop(actor, Delivery.kind == kind)

    def _retry(self, actor: str, which: ColumnElement[bool]) -> int:
        with transaction() as session:
            chosen = self._chosen(which)
            now = self._clock.now()
            again = update(Delivery).where(which, *_STATES["dead"])
            result = session.execute(
                again.values(dead_at=None, next_attempt_at=now, attempts=0, lease_until=None),
                execution_options={"synchronize_session": False},
            )
            self._record("delivery.retried", actor, chosen)
            for lane in {_LANE_OF[kind] for kind in chosen if kind in _LANE_OF}:
                self._outbox.wake(lane)
        return _count(result)

    def _drop(self, actor: str, which: ColumnElement[bool]) -> int:
        with transaction() as session:
            chosen = self._chosen(which)
            gone = delete(Delivery).where(which, *_STATES["dead"])
            result = session.execute(gone, execution_options={"synchronize_session": False})
            self._record("delivery.dropped", actor, chosen)
        return _count(result)

    @staticmethod
    def _chosen(which: ColumnElement[bool]) -> dict[str, int]:
        """How many dead letters of each kind."""
        query = select(Delivery.kind, func.count()).where(which, *_STATES["dead"])
        counted = db.session.execute(query.group_by(Delivery.kind))
        return {kind: count for kind, count in counted}  # noqa: C416 - rows are no pairs to mypy

    def _record(self, event: str, actor: str, chosen: Mapping[str, int]) -> None:
        if chosen:
            self._audit.record(event, category="operations", actor=actor, detail=dict(chosen))


def mask_address(address: str) -> str:
    """An e-mail address or telephone number of which only the ends can be read."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}…@{domain}"
    return f"{address[:3]}…{address[-2:]}" if len(address) > 5 else "…"


def _row(row: Any) -> QueuedRow:
    payload = _opened(row.sealed)
    return QueuedRow(
        id=row.id,
        kind=row.kind,
        name=str(payload.get("name", "")),
        to=mask_address(str(payload["to"])) if "to" in payload else "",
        client_id=str(payload.get("client_id", "")),
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        dead_at=row.dead_at,
        attempts=row.attempts,
        last_error=row.last_error or "",
    )


def _opened(sealed: bytes) -> Mapping[str, Any]:
    """What a row holds; nothing where the master key that sealed it is gone."""
    dialect: Dialect = db.engine.dialect
    try:
        opened: Mapping[str, Any] = Delivery.payload.type.process_result_value(sealed, dialect)
    except SealBroken:
        return {}
    return opened


def _counts(query: Select[str, int]) -> dict[str, int]:
    return dict(db.session.execute(query).all())


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
