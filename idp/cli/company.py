"""What nouns about a company's people share: the company, the acting command line, one person."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click

from idp.cli.context import Decorator, answer, in_order, json_option, refuses, services
from idp.people.actors import Actor, Refused
from idp.people.members.listing import MemberRow
from idp.tenants.catalogue import UnknownCatalogueEntry
from idp.tenants.errors import LastAdmin, UnknownMembership, UnknownTenant
from idp.tenants.models import Tenant

CLI = Actor.command_line()
REASONS = (UnknownTenant, UnknownMembership, Refused, LastAdmin, UnknownCatalogueEntry)
"""Why a change to a person may be refused."""
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


def check_booked(tenant: Tenant, products: Iterable[str]) -> None:
    """Raise ``UnknownCatalogueEntry`` for a product that the company has not booked."""
    if beyond := sorted(set(products) - set(services().tenants.products_of(tenant.id))):
        raise UnknownCatalogueEntry(f"not booked: {', '.join(beyond)}")


def changes_person(*own: Decorator) -> Decorator:
    """A command that changes one person and says what is there now.

    It takes company and person, then the arguments and options of its ``own``; the function is
    given the company and the person as found, and returns the sentence for people.
    """

    def decorate(command: Callable[..., str]) -> Callable[..., None]:
        @wraps(command)
        def run(customer_number: str, person: str, as_json: bool, **chosen: Any) -> None:
            tenant = company(customer_number)
            row = member(tenant, person)
            text = command(tenant, row, **chosen)
            answer(described(member(tenant, row.membership_id)), as_json, text)

        which = (customer_number, person_argument)
        return in_order(*which, *own, json_option, refuses(*REASONS))(run)

    return decorate


def described(row: MemberRow) -> dict[str, Any]:
    """A person as JSON."""
    moments = {
        "second_factor_deadline": row.mfa_deadline,
        "bypass_until": row.mfa_bypass_until,
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
