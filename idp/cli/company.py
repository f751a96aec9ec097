"""What nouns about a company's people share: the company, the acting command line, one person."""

from typing import Any

import click

from idp.cli.context import services
from idp.people.actors import Actor
from idp.people.members.listing import MemberRow
from idp.tenants.errors import UnknownMembership
from idp.tenants.models import Tenant

CLI = Actor.command_line()
customer_number = click.argument("customer_number")
person_argument = click.argument("person", metavar="EMAIL|ID")


def company(number: str) -> Tenant:
    """The company; raises ``UnknownTenant``."""
    return services().tenants.get_by_customer_number(number)


def member(tenant: Tenant, person: str) -> MemberRow:
    """A person of that company by address or by id; raises ``UnknownMembership``."""
    everything = services()
    if "@" not in person:
        return everything.people.get_member(tenant.id, person)
    account = everything.accounts.find_by_email(person)
    found = everything.tenants.memberships.find(tenant.id, account.id) if account else None
    if found is None or found.status == "removed":
        raise UnknownMembership
    return everything.people.get_member(tenant.id, found.id)


def described(row: MemberRow) -> dict[str, Any]:
    """A person as JSON."""
    moments = {
        "second_factor_deadline": row.mfa_deadline,
        "last_sign_in_at": row.last_sign_in_at,
        "joined_at": row.created_at,
    }
    return {
        "id": row.membership_id,
        "sub": row.subject,
        "name": row.name,
        "email": row.email,
        "role": row.role,
        "status": row.status,
        "account_status": row.account_status,
        "permissions": list(row.permissions),
        "products": None if row.products is None else list(row.products),
        "factors": [str(factor) for factor in row.factors],
        "must_have_second_factor": row.must_have,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }
