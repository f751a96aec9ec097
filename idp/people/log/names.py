"""Whom the ids in records of the change log stand for, as far as the reader may know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import and_, select

from idp.accounts.models import Account
from idp.clients.models import ClientRow
from idp.infra.audit import AuditEvent
from idp.infra.database import db
from idp.tenants.models import Membership, Tenant

COMMAND_LINE = "cli"
ITSELF = frozenset({"import", "retention"})
"""What nobody does by hand: invitations after an import, records past their time."""
PartyKind = Literal[
    "person", "operator", "command-line", "client", "outsider", "deleted", "system", ""
]


@dataclass(frozen=True, slots=True)
class Party:
    """Who acted or was meant. ``outsider``: no member of the company; empty: nobody is named.

    ``membership_id`` where the person's page is in this company's console.
    """

    kind: PartyKind = ""
    name: str = ""
    membership_id: str = ""


class Names:
    """Whom the ids of some records stand for: three queries, however many records."""

    def __init__(self, rows: Sequence[AuditEvent], tenant_id: str | None) -> None:
        """``tenant_id``: the company that reads; None: the platform, which knows everybody."""
        self._tenant_id = tenant_id
        ids = {i for row in rows for i in (row.actor, row.subject) if i}
        wanted = {row.client_id for row in rows if row.client_id} | ids
        self._accounts = _accounts(ids)
        self._members = _members(self._accounts.values(), tenant_id)
        self._clients = _client_names(wanted)

    def client(self, client_id: str | None) -> str:
        """What the client calls itself; its id once it is gone."""
        return self._clients.get(client_id, client_id) if client_id else ""

    def party(self, named: str | None, row: AuditEvent) -> Party:
        """Who that is, as far as the reader may know."""
        if not named:
            return Party()
        if named == COMMAND_LINE:
            return Party("command-line")
        if named in ITSELF:
            return Party("system")
        account = self._accounts.get(named)
        if account is None:
            if named in self._clients:
                return Party("client", self._clients[named])
            return Party("deleted")
        if self._tenant_id is None:
            return Party("person", f"{name_of(account)} ({account.email})")
        if (membership := self._members.get(account.id)) is not None:
            shown = membership.id if membership.status != "removed" else ""
            return Party("person", name_of(account), shown)
        # Whoever did something here without belonging here is an operator; others only tried.
        return Party("operator" if row.outcome == "success" else "outsider")


def _accounts(subjects: Collection[str]) -> dict[str, Account]:
    if not subjects:
        return {}
    query = select(Account).where(Account.subject.in_(sorted(subjects)))
    return {account.subject: account for account in db.session.scalars(query)}


def _members(accounts: Collection[Account], tenant_id: str | None) -> dict[str, Membership]:
    if not accounts or tenant_id is None:
        return {}
    query = select(Membership).where(
        and_(
            Membership.tenant_id == tenant_id,
            Membership.account_id.in_([account.id for account in accounts]),
        )
    )
    return {membership.account_id: membership for membership in db.session.scalars(query)}


def _client_names(client_ids: Collection[str]) -> dict[str, str]:
    if not client_ids:
        return {}
    query = select(ClientRow.client_id, ClientRow.client_name).where(
        ClientRow.client_id.in_(sorted(client_ids))
    )
    return {row.client_id: row.client_name for row in db.session.execute(query)}


def name_of(account: Account) -> str:
    """The person's name, or else the address."""
    parts = (account.given_name, account.family_name)
    return account.name or " ".join(part for part in parts if part) or account.email


def tenant_names() -> dict[str, tuple[str, str]]:
    """Customer number and name of every company by id, for ``idp audit verify``."""
    query = select(Tenant.id, Tenant.customer_number, Tenant.name)
    return {row.id: (row.customer_number, row.name) for row in db.session.execute(query)}
