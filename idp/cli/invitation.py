"""``idp invitation``: open invitations of a company (``idp person invite`` makes one)."""

from typing import Any, get_args

import click

from idp.cli.company import CLI, company, customer_number
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.infra.throttle import Throttled
from idp.people.actors import Refused
from idp.people.members import open_invitations
from idp.people.models import Invitation
from idp.tenants.errors import UnknownTenant

invitation_id = click.argument("invitation_id", metavar="ID")


@click.group()
def invitation() -> None:
    """List, resend and revoke invitations."""


def _described(row: Invitation) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "name": f"{row.given_name} {row.family_name}",
        "salutation": row.salutation,
        "role": row.role,
        "products": row.products,
        "sent_at": row.sent_at.isoformat() if row.sent_at else None,
        "expires_at": row.expires_at.isoformat(),
    }


@invitation.command("list")
@customer_number
@click.option("--state", type=click.Choice(get_args(open_invitations.State)), default="sent")
@click.option("--search", default="", help="Words in names and addresses.")
@json_option
@refuses(UnknownTenant)
def list_(customer_number: str, state: open_invitations.State, search: str, as_json: bool) -> None:
    """List open invitations."""
    tenant, now = company(customer_number), services().clock.now()
    page = open_invitations.list_invitations(tenant.id, now, state, search=search, limit=10_000)
    data = [_described(row) for row in page.rows]
    columns = {"id": "Id", "email": "E-mail", "name": "Name", "role": "Role", "expires_at": "Until"}
    answer(data, as_json, lambda: rows(f"Invitations to {tenant.name}", columns, data))


@invitation.command()
@customer_number
@invitation_id
@json_option
@refuses(UnknownTenant, Refused, Throttled)
def resend(customer_number: str, invitation_id: str, as_json: bool) -> None:
    """Mail it again under a new link, for the full time."""
    tenant = company(customer_number)
    row = services().people.invitations.resend(tenant.id, CLI, invitation_id)
    answer(_described(row), as_json, f"Mailed {row.email} again")


@invitation.command()
@customer_number
@invitation_id
@json_option
@refuses(UnknownTenant, Refused)
def revoke(customer_number: str, invitation_id: str, as_json: bool) -> None:
    """Let its link die."""
    tenant = company(customer_number)
    services().people.invitations.revoke(tenant.id, CLI, invitation_id)
    answer({"id": invitation_id, "revoked": True}, as_json, f"Revoked {invitation_id}")
