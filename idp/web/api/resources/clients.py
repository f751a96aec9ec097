"""Clients: a company's own, and for operators those of the platform; what went wrong with them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import UNSET

from idp.clients.client import Client as Stored
from idp.clients.metadata import InvalidMetadata
from idp.clients.problems import find_problems
from idp.clients.registry import managing
from idp.core.clock import from_epoch
from idp.core.vocabulary import ManagementScope
from idp.tenants.catalogue import MANAGE_CLIENTS
from idp.web.api.problems import Problem, field_problem, fields_problem, sentence
from idp.web.api.reading import bad_cursor, decode_cursor, encode_cursor
from idp.web.api.resources.client_shapes import Client, ClientChange, PlatformClientChange
from idp.web.api.resources.fields import (
    STRICT,
    After,
    Limit,
    Moment,
    Search,
    Wire,
    check_something,
)
from idp.web.api.table import BASE, Call, Reply, operation
from idp.web.http import services

READ, WRITE = ManagementScope.CLIENTS_READ, ManagementScope.CLIENTS_WRITE
OPERATOR = ManagementScope.OPERATOR
_HERE = "/companies/{number}/clients"
_ONE = f"{_HERE}/{{client_id}}"
_ALL = "/clients"
_ANY = f"{_ALL}/{{client_id}}"


class NewlyKept(Wire):
    """A client and, this once, its secret; null where it has none, or keeps the one it had."""

    client: Client
    client_secret: str | None


class Enabled(Wire, **STRICT):
    """Whether the client is in service."""

    enabled: bool


class ClientsQuery(Wire, **STRICT):
    """Which clients to list."""

    search: Search = ""
    after: After | None = None
    limit: Limit = 50


class Clients(Wire):
    """A page of clients by name."""

    items: list[Client]
    next: str | None


class FailedFlow(Wire):
    """A flow that failed. `proven`: the client had authenticated itself, so it was no stranger."""

    at: Moment
    endpoint: str
    error: str
    proven: bool
    parameter: str
    why: str
    mend: str
    value: str
    address: str
    reference: str


class FailedFlows(Wire):
    """Those of the last week, the latest first; 100 at most."""

    items: list[FailedFlow]


# Of a company


@operation("GET", _HERE, scope=READ, right=MANAGE_CLIENTS)
def list_clients(call: Call, query: ClientsQuery) -> Clients:
    """List the company's own clients."""
    return _listed(query, call.at.tenant_id)


@operation("POST", _HERE, scope=WRITE, right=MANAGE_CLIENTS, fresh=True, status=201)
def register_client(call: Call, body: ClientChange) -> Reply[NewlyKept]:
    """Register a client of the company.

    Scopes of this API can be given only as far as this token has them.
    """
    return _registered(call, body)


@operation("GET", _ONE, scope=READ, right=MANAGE_CLIENTS)
def show_client(call: Call, client_id: str) -> Client:
    """Show a client of the company."""
    return _described(get_client(call, client_id))


@operation("PATCH", _ONE, scope=WRITE, right=MANAGE_CLIENTS, fresh=True)
def change_client(call: Call, client_id: str, body: ClientChange) -> NewlyKept:
    """Change a client; what is left out stays, null takes away."""
    return _changed(call, client_id, body)


@operation("PUT", f"{_ONE}/enabled", scope=WRITE, right=MANAGE_CLIENTS, fresh=True)
def enable_client(call: Call, client_id: str, body: Enabled) -> Client:
    """Take a client out of service, or back; out of it no token of it counts."""
    return _enabled(call, client_id, body)


@operation("DELETE", _ONE, scope=WRITE, right=MANAGE_CLIENTS, fresh=True)
def delete_client(call: Call, client_id: str) -> None:
    """Delete a client with its secrets, consents and tokens."""
    _deleted(call, client_id)


@operation("GET", f"{_ONE}/failed-flows", scope=READ, right=MANAGE_CLIENTS)
def list_failed_flows(call: Call, client_id: str) -> FailedFlows:
    """List the last failed flows of a client: what, why, how to mend it."""
    return _failed(get_client(call, client_id))


# Of the platform


@operation("GET", _ALL, scope=OPERATOR)
def list_all_clients(call: Call, query: ClientsQuery) -> Clients:
    """List every client, whoever owns it."""
    return _listed(query, None)


@operation("POST", _ALL, scope=OPERATOR, fresh=True, status=201)
def register_platform_client(call: Call, body: PlatformClientChange) -> Reply[NewlyKept]:
    """Register a client for the whole platform."""
    return _registered(call, body)


@operation("GET", _ANY, scope=OPERATOR)
def show_any_client(call: Call, client_id: str) -> Client:
    """Show a client, whoever owns it."""
    return _described(get_client(call, client_id))


@operation("PATCH", _ANY, scope=OPERATOR, fresh=True)
def change_any_client(call: Call, client_id: str, body: PlatformClientChange) -> NewlyKept:
    """Change a client, whoever owns it."""
    return _changed(call, client_id, body)


@operation("PUT", f"{_ANY}/enabled", scope=OPERATOR, fresh=True)
def enable_any_client(call: Call, client_id: str, body: Enabled) -> Client:
    """Take a client out of service, or back, whoever owns it."""
    return _enabled(call, client_id, body)


@operation("DELETE", _ANY, scope=OPERATOR, fresh=True)
def delete_any_client(call: Call, client_id: str) -> None:
    """Delete a client, whoever owns it."""
    _deleted(call, client_id)


@operation("GET", f"{_ANY}/failed-flows", scope=OPERATOR)
def list_any_failed_flows(call: Call, client_id: str) -> FailedFlows:
    """List the last failed flows of a client, whoever owns it."""
    return _failed(get_client(call, client_id))


# Both


def owner(call: Call) -> str | None:
    """The company of the path; None: the whole platform."""
    return call.tenant.tenant_id if call.tenant else None


def get_client(call: Call, client_id: str) -> Stored:
    """The client, where the path may name it; raises ``UnknownClient``."""
    return services().client_desk.get(call.access.actor, client_id, owner(call))


def check_within(call: Call, scope: str) -> None:
    """A token gives no client more of this API than it has itself, nor takes over one that has."""
    if beyond := managing(scope) - call.access.scopes:
        named = " ".join(sorted(beyond))
        raise Problem(403, f"The token itself has not: {named}.", code="insufficient-scope")


def _given(body: ClientChange) -> tuple[dict[str, Any], bool | None]:
    """The metadata, and whether the client is to be the vendor's own; None: as it is."""
    given = {k: v for k, v in msgspec.structs.asdict(body).items() if v is not UNSET}
    first_party = given.pop("first_party", None)
    return given, first_party


@contextmanager
def _judged(metadata: Mapping[str, Any]) -> Iterator[None]:
    """Whatever is wrong with the metadata is said at once, not the first of it alone."""
    try:
        yield
    except InvalidMetadata as error:
        loopback = services().settings.loopback
        found = find_problems(metadata, loopback, allow_management=True) or [error]
        raise fields_problem(tuple((one.member, sentence(one)) for one in found)) from None


def _registered(call: Call, body: ClientChange) -> Reply[NewlyKept]:
    metadata, first_party = _given(body)
    check_within(call, str(metadata.get("scope") or ""))
    with _judged(metadata):
        made, secret = services().client_desk.register(
            call.access.actor, metadata, owner(call), first_party=bool(first_party)
        )
    company = f"/companies/{call.tenant.customer_number}" if call.tenant else ""
    where = f"{services().settings.issuer}{BASE}{company}/clients/{made.client_id}"
    return Reply(NewlyKept(_described(made), secret), {"Location": where})


def _changed(call: Call, client_id: str, body: ClientChange) -> NewlyKept:
    check_something(body)
    changes, first_party = _given(body)
    client = get_client(call, client_id)
    check_within(call, f"{client.scope} {changes.get('scope') or ''}")
    if first_party and client.tenant_id is not None:
        raise field_problem("first_party", "A company's own client is not the vendor's.")
    with _judged({**client.metadata(), **changes}):
        changed, secret = services().client_desk.change(
            call.access.actor, client_id, changes, owner(call), first_party=first_party
        )
    return NewlyKept(_described(changed), secret)


def _enabled(call: Call, client_id: str, body: Enabled) -> Client:
    check_within(call, get_client(call, client_id).scope)
    desk, actor = services().client_desk, call.access.actor
    desk.set_enabled(actor, client_id, body.enabled, owner(call))
    return _described(get_client(call, client_id))


def _deleted(call: Call, client_id: str) -> None:
    check_within(call, get_client(call, client_id).scope)
    services().client_desk.delete(call.access.actor, client_id, owner(call))


def _listed(query: ClientsQuery, tenant_id: str | None) -> Clients:
    after = decode_cursor(query.after)
    name, last = "", ""
    if after is not None:
        if [type(part) for part in after] != [str, str]:
            raise bad_cursor()
        name, last = map(str, after)
    rows = services().clients.list(
        tenant_id,
        query=query.search,
        after=None if after is None else (name, last),
        limit=query.limit + 1,
    )
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return Clients(
        [_described(row) for row in shown],
        encode_cursor((shown[-1].client_name, shown[-1].id)) if more else None,
    )


def _described(client: Stored) -> Client:
    values: dict[str, Any] = {
        name: list(value) if isinstance(value := getattr(client, name), tuple) else value
        for name in Client.__struct_fields__
        if name != "company"
    }
    tenant = services().directory.find(client.tenant_id) if client.tenant_id else None
    return Client(company=tenant.customer_number if tenant else None, **values)


def _failed(client: Stored) -> FailedFlows:
    return FailedFlows(
        [
            FailedFlow(
                at=from_epoch(flow.at),
                endpoint=flow.endpoint,
                error=flow.error,
                proven=flow.proven,
                parameter=flow.parameter,
                why=flow.why,
                mend=flow.mend,
                value=flow.value,
                address=flow.address,
                reference=flow.reference,
            )
            for flow in services().failed_flows.list(client.client_id)
        ]
    )
