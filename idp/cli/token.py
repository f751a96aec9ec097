"""``idp token``: access tokens for the management API, without a client."""

import sys

import click

from idp.cli.company import company
from idp.cli.context import answer, json_option, refuses, services
from idp.core.vocabulary import MANAGEMENT_SCOPES
from idp.grants.management_tokens import LONGEST, InvalidScope
from idp.infra.keyring import InvalidToken
from idp.tenants.errors import UnknownTenant


@click.group()
def token() -> None:
    """Issue and revoke access tokens for the management API."""


@token.command()
@click.option("--tenant", "customer_number", help="Company it is good for; else the platform.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help=f"Several, or several times: {', '.join(MANAGEMENT_SCOPES)}.",
)
@click.option(
    "--minutes", type=click.IntRange(1, LONGEST), default=15, show_default=True, help="Lifetime."
)
@json_option
@refuses(UnknownTenant, InvalidScope)
def issue(
    customer_number: str | None, scopes: tuple[str, ...], minutes: int, as_json: bool
) -> None:
    """Print a token, once. It acts as the command line does; the change log says it was made."""
    tenant = company(customer_number) if customer_number else None
    made = services().management_tokens.issue(
        [name for given in scopes for name in given.replace(",", " ").split()],
        minutes,
        tenant_id=tenant.id if tenant else None,
        customer_number=tenant.customer_number if tenant else None,
        actor="cli",
    )
    data = {
        "access_token": made.token,
        "token_type": "Bearer",
        "id": made.id,
        "scope": made.scope,
        "tenant": tenant.customer_number if tenant else None,
        "expires_at": made.expires_at.isoformat(),
    }
    answer(data, as_json, made.token)


@token.command()
@click.argument("token_or_id", metavar="TOKEN|ID|-")
@json_option
@refuses(InvalidToken)
def revoke(token_or_id: str, as_json: bool) -> None:
    """End a token at once; - reads it from standard input."""
    if token_or_id == "-":
        token_or_id = sys.stdin.readline().strip()
    ended = services().management_tokens.revoke(token_or_id, actor="cli")
    answer({"id": ended, "revoked": True}, as_json, f"Revoked {ended}")
