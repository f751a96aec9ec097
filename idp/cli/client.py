"""``idp client``: relying parties."""

import json
from typing import Any, TextIO

import click

from idp.cli.client_secrets import check_request, end_secret, failed_flows, secrets
from idp.cli.company import CLI
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.clients.metadata import AUTH_METHODS, InvalidMetadata
from idp.clients.registry import Client, UnknownClient
from idp.tenants.errors import UnknownTenant


@click.group()
def client() -> None:
    """Register and manage clients."""


def _described(found: Client) -> dict[str, Any]:
    tenant = services().tenants.get(found.tenant_id) if found.tenant_id else None
    data = found.metadata() | {"created_at": found.created_at.isoformat()}
    data.pop("tenant_id", None)
    return data | {"tenant": tenant.customer_number if tenant else None}


def _with_secret(found: Client, secret: str | None, as_json: bool) -> None:
    """Print a client and, this once, its secret."""
    data = _described(found) | ({"client_secret": secret} if secret else {})
    lines = [f"client_id:     {found.client_id}"]
    if secret:
        lines += [f"client_secret: {secret}", "The secret is shown only now; keep it safe."]
    answer(data, as_json, "\n".join(lines))


@client.command()
@click.option("--name", help="What people read on the consent page.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Exact URI; repeatable.")
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True)
@click.option("--first-party", is_flag=True, help="The vendor's own: nobody is asked to consent.")
@click.option("--tenant", "customer_number", help="Customer number of the company that owns it.")
@click.option("--auth-method", type=click.Choice(AUTH_METHODS), help="At the token endpoint.")
@click.option("--metadata", type=click.File("r"), help="JSON file with RFC 7591 names; - is stdin.")
@json_option
@refuses(InvalidMetadata, UnknownTenant)
def register(
    name: str | None,
    redirect_uris: tuple[str, ...],
    post_logout_redirect_uris: tuple[str, ...],
    first_party: bool,
    customer_number: str | None,
    auth_method: str | None,
    metadata: TextIO | None,
    as_json: bool,
) -> None:
    """Register a client and show its secret, once.

    Options win over the file, which may also hold first_party, product, require_pkce, minimum_acr
    and refresh_grace. Without either: authorization_code and refresh_token, client_secret_basic,
    ID tokens signed with RS256.
    """
    values: dict[str, Any] = {}
    if metadata is not None:
        values = _read(metadata)
    elif not redirect_uris:
        raise click.UsageError("give --redirect-uri or --metadata")
    given = {
        "client_name": name,
        "redirect_uris": list(redirect_uris) or None,
        "post_logout_redirect_uris": list(post_logout_redirect_uris) or None,
        "token_endpoint_auth_method": auth_method,
    }
    values |= {member: value for member, value in given.items() if value is not None}
    if not values.get("client_name"):
        raise click.UsageError("give --name, or client_name in the metadata")
    values.setdefault("grant_types", ["authorization_code", "refresh_token"])
    in_file = values.pop("first_party", False)
    if not isinstance(in_file, bool):
        raise InvalidMetadata("invalid_client_metadata", "first_party must be true or false")
    found = services()
    tenant = found.tenants.get_by_customer_number(customer_number) if customer_number else None
    created, secret = found.client_desk.register(
        CLI, values, tenant.id if tenant else None, first_party=first_party or in_file
    )
    _with_secret(created, secret, as_json)


def _read(metadata: TextIO) -> dict[str, Any]:
    try:
        values = json.load(metadata)
    except ValueError as error:
        raise click.UsageError(f"--metadata: no JSON ({error})") from error
    if not isinstance(values, dict):
        raise click.UsageError("--metadata: must be a JSON object")
    return values


@client.command("list")
@click.option("--tenant", "customer_number", help="Only the clients of this company.")
@json_option
@refuses(UnknownTenant)
def list_(customer_number: str | None, as_json: bool) -> None:
    """List clients by name."""
    found = services()
    tenant = found.tenants.get_by_customer_number(customer_number) if customer_number else None
    clients = found.clients.list(tenant.id if tenant else None, limit=10_000)
    data = [
        {
            "client_id": one.client_id,
            "client_name": one.client_name,
            "product": one.product,
            "first_party": one.first_party,
            "auth_method": one.token_endpoint_auth_method,
        }
        for one in clients
    ]
    columns = {
        "client_id": "client_id",
        "client_name": "Name",
        "product": "Product",
        "auth_method": "Authentication",
    }
    answer(data, as_json, lambda: rows("Clients", columns, data))


@client.command()
@click.argument("client_id")
@json_option
@refuses(UnknownClient)
def show(client_id: str, as_json: bool) -> None:
    """Show a client's metadata."""
    data = _described(services().clients.get(client_id))
    answer(data, as_json, "\n".join(f"{name}: {_text(value)}" for name, value in data.items()))


@client.command("set")
@click.argument("client_id")
@click.option("--name", help="What people read on the consent page.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Exactly these; repeatable.")
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True)
@click.option("--first-party/--partner", default=None, help="The vendor's own, or not.")
@click.option("--metadata", type=click.File("r"), help="JSON file with RFC 7591 names; - is stdin.")
@json_option
@refuses(UnknownClient, InvalidMetadata)
def set_(
    client_id: str,
    name: str | None,
    redirect_uris: tuple[str, ...],
    post_logout_redirect_uris: tuple[str, ...],
    first_party: bool | None,
    metadata: TextIO | None,
    as_json: bool,
) -> None:
    """Change what is given; the rest stays, null in the file takes away.

    Options win over the file. A secret is shown where the client gets one by the change.
    """
    values = _read(metadata) if metadata else {}
    given = {
        "client_name": name,
        "redirect_uris": list(redirect_uris) or None,
        "post_logout_redirect_uris": list(post_logout_redirect_uris) or None,
    }
    values |= {member: value for member, value in given.items() if value is not None}
    if not values and first_party is None:
        raise click.UsageError("name something to change")
    desk = services().client_desk
    if first_party and desk.get(CLI, client_id, None).tenant_id is not None:
        raise InvalidMetadata("invalid_client_metadata", "a company's own is not the vendor's")
    changed, secret = desk.change(CLI, client_id, values, None, first_party=first_party)
    _with_secret(changed, secret, as_json)


@client.command()
@click.argument("client_id")
@json_option
@refuses(UnknownClient)
def disable(client_id: str, as_json: bool) -> None:
    """Take a client out of service: no token of it counts."""
    _enable(client_id, False, as_json)


@client.command()
@click.argument("client_id")
@json_option
@refuses(UnknownClient)
def enable(client_id: str, as_json: bool) -> None:
    """Take a client back into service."""
    _enable(client_id, True, as_json)


def _enable(client_id: str, enabled: bool, as_json: bool) -> None:
    services().client_desk.set_enabled(CLI, client_id, enabled, None)
    text = f"{client_id} is {'in' if enabled else 'out of'} service"
    answer({"client_id": client_id, "enabled": enabled}, as_json, text)


@client.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--overlap",
    type=click.IntRange(0, 90 * 86400),
    default=0,
    show_default=True,
    help="Seconds the old secret stays valid.",
)
@json_option
@refuses(UnknownClient, InvalidMetadata)
def rotate_secret(client_id: str, overlap: int, as_json: bool) -> None:
    """Make a new secret and show it, once."""
    clients = services().clients
    secret = clients.rotate_secret(client_id, overlap, actor="cli")
    _with_secret(clients.get(client_id), secret, as_json)


@client.command()
@click.argument("client_id")
@json_option
@refuses(UnknownClient)
def delete(client_id: str, as_json: bool) -> None:
    """Remove a client with its consents and refresh tokens."""
    services().clients.delete(client_id, actor="cli")
    answer({"client_id": client_id, "deleted": True}, as_json, f"Deleted {client_id}")


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


for one in (secrets, end_secret, check_request, failed_flows):
    client.add_command(one)
