"""The secrets of clients: listed without what they are, made anew, ended."""

from typing import Annotated

from msgspec import Meta

from idp.clients.secrets import MAX_OVERLAP
from idp.core.vocabulary import ManagementScope
from idp.tenants.catalogue import MANAGE_CLIENTS
from idp.web.api.resources.clients import check_within, get_client, owner
from idp.web.api.resources.fields import STRICT, Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

READ, WRITE = ManagementScope.CLIENTS_READ, ManagementScope.CLIENTS_WRITE
OPERATOR = ManagementScope.OPERATOR
_ONE = "/companies/{number}/clients/{client_id}"
_ANY = "/clients/{client_id}"
_LAST = "It is the only secret that the client has."


class Secret(Wire):
    """A new secret, shown this once."""

    client_secret: str


class Rotation(Wire, **STRICT):
    """How long the old secrets go on to work, in seconds."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=MAX_OVERLAP)] = 0


class SecretFacts(Wire):
    """What may be shown of a secret. `expires_at` null: it holds until it is ended."""

    id: str
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None


class SecretsHeld(Wire):
    """Those that hold, the newest first."""

    items: list[SecretFacts]


@operation("GET", f"{_ONE}/secrets", scope=READ, right=MANAGE_CLIENTS)
def list_secrets(call: Call, client_id: str) -> SecretsHeld:
    """List a client's secrets: how old they are, and when each was last used."""
    return _listed(call, client_id)


@operation("POST", f"{_ONE}/rotate-secret", scope=WRITE, right=MANAGE_CLIENTS, fresh=True)
def rotate_secret(call: Call, client_id: str, body: Rotation) -> Secret:
    """Make a new secret; the old ones hold for the overlap at most."""
    return _rotated(call, client_id, body)


@operation(
    "DELETE",
    f"{_ONE}/secrets/{{secret_id}}",
    scope=WRITE,
    right=MANAGE_CLIENTS,
    fresh=True,
    conflict=_LAST,
)
def end_secret(call: Call, client_id: str, secret_id: str) -> None:
    """End one of several secrets at once; one that has ended already stays so."""
    _ended(call, client_id, secret_id)


@operation("GET", f"{_ANY}/secrets", scope=OPERATOR)
def list_any_secrets(call: Call, client_id: str) -> SecretsHeld:
    """List the secrets of a client, whoever owns it."""
    return _listed(call, client_id)


@operation("POST", f"{_ANY}/rotate-secret", scope=OPERATOR, fresh=True)
def rotate_any_secret(call: Call, client_id: str, body: Rotation) -> Secret:
    """Make a new secret for a client, whoever owns it."""
    return _rotated(call, client_id, body)


@operation("DELETE", f"{_ANY}/secrets/{{secret_id}}", scope=OPERATOR, fresh=True, conflict=_LAST)
def end_any_secret(call: Call, client_id: str, secret_id: str) -> None:
    """End one of several secrets of a client, whoever owns it."""
    _ended(call, client_id, secret_id)


def _listed(call: Call, client_id: str) -> SecretsHeld:
    found = services().clients.secrets_of(get_client(call, client_id))
    return SecretsHeld(
        [SecretFacts(s.id, s.created_at, s.expires_at, s.last_used_at) for s in found]
    )


def _rotated(call: Call, client_id: str, body: Rotation) -> Secret:
    check_within(call, get_client(call, client_id).scope)
    return Secret(
        services().client_desk.rotate_secret(
            call.access.actor, client_id, body.overlap_seconds, owner(call)
        )
    )


def _ended(call: Call, client_id: str, secret_id: str) -> None:
    check_within(call, get_client(call, client_id).scope)
    services().client_desk.end_secret(call.access.actor, client_id, secret_id, owner(call))
