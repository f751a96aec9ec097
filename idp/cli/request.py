"""``idp request``: requests to become an admin, with the operators' word.

The consent of a company's admin is theirs alone, so it is given in the console.
"""

from typing import Any

import click

from idp.cli.company import CLI, company
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.people.actors import Refused
from idp.people.admin_requests.rows import RequestRow
from idp.people.admin_requests.service import UnknownRequest
from idp.tenants.errors import UnknownTenant

request_id = click.argument("request_id", metavar="ID")


@click.group()
def request() -> None:
    """List, approve and refuse requests to become an admin."""


def _described(row: RequestRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "customer_number": row.customer_number,
        "name": row.name,
        "email": row.email,
        "reason": row.reason,
        "status": row.status,
        "consented_by": row.consented_by,
        "approved_by": row.approved_by,
        "created_at": row.created_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
    }


@request.command("list")
@click.option("--tenant", "customer_number", help="Only those of this company.")
@json_option
@refuses(UnknownTenant)
def list_(customer_number: str | None, as_json: bool) -> None:
    """List the requests that wait, the longest waiting first."""
    requests = services().admin_requests
    tenant = company(customer_number) if customer_number else None
    found = requests.list_open(tenant.id) if tenant else requests.list_queue()
    data = [_described(row) for row in found]
    columns = {"id": "Id", "customer_number": "Company", "email": "E-mail", "reason": "Reason"}
    answer(data, as_json, lambda: rows("Requests", columns, data))


@request.command()
@request_id
@click.option("--note", required=True, help="How it was made sure of, for the change log.")
@json_option
@refuses(UnknownRequest, Refused)
def approve(request_id: str, note: str, as_json: bool) -> None:
    """Approve it; granted as soon as an admin of the company has consented, if it has one."""
    row = services().admin_requests.approve(request_id, CLI, note)
    text = "is an admin now" if row.status == "granted" else "waits for an admin's consent"
    answer(_described(row), as_json, f"{row.email} {text}")


@request.command()
@request_id
@click.option("--reason", required=True, help="The person is mailed this.")
@json_option
@refuses(UnknownRequest, Refused)
def refuse(request_id: str, reason: str, as_json: bool) -> None:
    """Refuse it; the person is mailed the reason."""
    row = services().admin_requests.refuse(request_id, CLI, reason)
    answer(_described(row), as_json, f"Refused the request of {row.email}")
