"""What happened to a person's account, for the person: sign-ins and changes, the newest first.

Read from the audit log by subject, over all chains, page by page with a keyset on its index, so
that the last page costs what the first one does. Which events are told is the caller's to say.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import and_, or_, select

from idp.core.person import Person
from idp.infra.audit import AuditEvent
from idp.infra.database import db
from idp.tenants.directory import TenantDirectory

PAGE = 30
_COMMAND_LINE = "cli"
_CASES = "recovery_case."

By = Literal["self", "admin", "operator", ""]


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. ``by``: who did it; empty where nobody knows. ``detail`` as it was recorded."""

    at: datetime
    event: str
    succeeded: bool
    by: By
    ip: str
    tenant_name: str
    client_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some events; ``older`` is what the next page is asked for with, empty at the end."""

    happenings: tuple[Happening, ...]
    older: str = ""


class History:
    """Reads them."""

    def __init__(self, tenants: TenantDirectory) -> None:
        self._tenants = tenants

    def page(self, person: Person, events: Collection[str], before: str = "") -> HistoryPage:
        """A page of the person's events of these kinds; ``before``: what ``older`` has said.

        A ``before`` that is none of ours is taken for the first page.
        """
        query = select(AuditEvent).where(
            AuditEvent.subject == person.subject, AuditEvent.event.in_(sorted(events))
        )
        if (edge := _parse(before)) is not None:
            at, event_id = edge
            older = and_(AuditEvent.at == at, AuditEvent.id < event_id)
            query = query.where(AuditEvent.at <= at, or_(AuditEvent.at < at, older))
        query = query.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(PAGE + 1)
        rows = db.session.scalars(query).all()
        some = rows[:PAGE]
        last = f"{some[-1].at.isoformat()}~{some[-1].id}" if len(rows) > PAGE else ""
        return HistoryPage(tuple(self._happening(row, person) for row in some), last)

    def _happening(self, row: AuditEvent, person: Person) -> Happening:
        tenant = self._tenants.find(row.tenant_id) if row.tenant_id else None
        by = _by(row, person)
        return Happening(
            at=row.at,
            event=row.event,
            succeeded=row.outcome == "success",
            by=by,
            # Where an admin or an operator sat is not the person's to know.
            ip=(row.ip or "") if by in ("self", "") else "",
            tenant_name=tenant.name if tenant else "",
            client_id=row.client_id or "",
            detail=row.detail,
        )


def _by(row: AuditEvent, person: Person) -> By:
    if not row.actor:
        return ""
    if row.actor == person.subject:
        return "self"
    of_operators = row.actor == _COMMAND_LINE or row.event.startswith(_CASES)
    return "operator" if of_operators or not row.tenant_id else "admin"


def _parse(before: str) -> tuple[datetime, str] | None:
    moment, _, event_id = before[:100].partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or "\x00" in event_id:
            return None
        return at.astimezone(UTC), event_id
    except (ValueError, OverflowError):  # no moment, or one before or after all time
        return None
