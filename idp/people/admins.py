"""Who can be written to on behalf of a company: its admins who can sign in."""

from sqlalchemy import select

from idp.accounts.models import Account
from idp.infra.database import db
from idp.tenants.models import Membership

MOST = 50
"""Mails that one message to a company's admins may cause."""


def admins_of(tenant_id: str, *, other_than: str) -> list[Account]:
    """The company's active admins but for one account, in the order of their addresses."""
    query = (
        select(Account)
        .join(Membership, Membership.account_id == Account.id)
        .where(
            Membership.tenant_id == tenant_id,
            Membership.role == "admin",
            Membership.status == "active",
            Account.status == "active",
            Account.id != other_than,
        )
        .order_by(Account.email)
    )
    return list(db.session.scalars(query.limit(MOST)))
