"""The people of a company as a file (T10): the list's filters, read a portion at a time (T1)."""

from collections.abc import Iterator, Sequence

from idp.infra.audit import Audit
from idp.infra.csv_files import csv_lines
from idp.infra.database import transaction
from idp.people.actors import Actor
from idp.people.members.listing import MAX_PAGE, Cursor, MemberRow, Order, PeopleFilter
from idp.people.members.service import PeopleService
from idp.tenants.catalogue import MANAGE_PEOPLE

COLUMNS = (
    "salutation",
    "given_name",
    "family_name",
    "email",
    "role",
    "status",
    "products",
    "permissions",
    "second_factor",
    "second_factor_required",
    "last_sign_in",
    "member_since",
)
"""The head of the file; what an import takes is called the same there."""


class PeopleExport:
    """Writes them out."""

    def __init__(self, people: PeopleService, audit: Audit) -> None:
        self._people = people
        self._audit = audit

    def csv(
        self, tenant_id: str, actor: Actor, chosen: PeopleFilter, order: Order
    ) -> Iterator[str]:
        """The file line by line, after it was audited; raises ``NotAllowed`` before anything."""
        with transaction():
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            count = self._people.count_people(tenant_id, chosen=chosen)
            said = {"search": chosen.search, "status": chosen.status, "role": chosen.role}
            said |= {"second_factor": chosen.factor}
            if chosen.only is not None:
                said["selected"] = str(len(chosen.only))
            self._audit.record(
                "people.exported",
                category="people",
                tenant_id=tenant_id,
                actor=actor.subject,
                detail={"people": count, **{k: v[:100] for k, v in said.items() if v}},
            )
        return csv_lines(COLUMNS, self._rows(tenant_id, chosen, order))

    def _rows(
        self, tenant_id: str, chosen: PeopleFilter, order: Order
    ) -> Iterator[Sequence[object]]:
        after: Cursor | None = None
        while True:
            page = self._people.list_people(
                tenant_id, chosen=chosen, order=order, after=after, limit=MAX_PAGE
            )
            yield from map(_line, page.rows)
            if page.next is None:
                return
            after = page.next


def _products(row: MemberRow) -> str:
    """Empty for all that are booked, as an import takes it."""
    return "" if row.products is None else " ".join(row.products) or "none"


def _line(row: MemberRow) -> Sequence[object]:
    return (
        row.salutation,
        row.given_name,
        row.family_name,
        row.email,
        row.role,
        "locked" if row.is_locked else row.status,
        _products(row),
        " ".join(row.permissions),
        " ".join(row.factors),
        "yes" if row.must_have else "no",
        row.last_sign_in_at,
        row.created_at,
    )
