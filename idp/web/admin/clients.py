"""The company's own client apps (T12): list, register, rotate the secret, delete.

Owner and standing come from the admin's company, never from the form (security rule 2).
"""

from datetime import timedelta
from typing import Any

from flask import Response, abort, request

from idp.clients.metadata import InvalidMetadata
from idp.clients.registry import UnknownClient
from idp.core.vocabulary import ACR_MULTI
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services

KINDS: dict[str, dict[str, Any]] = {
    "web": {"token_endpoint_auth_method": "client_secret_basic"},
    "browser": {"token_endpoint_auth_method": "none"},
    "native": {"token_endpoint_auth_method": "none", "application_type": "native"},
    "service": {
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "response_types": [],
    },
}
"""What an admin calls a client, in registration terms (RFC 7591 §2)."""

SCOPE = "openid profile email tenant"


@bp.get("/admin/<number>/clients")
def clients(number: str) -> Response:
    """The company's clients."""
    admin = administrator(number)
    found = services().clients.list(admin.tenant_id)
    return show(
        admin,
        contexts.Clients(
            frame=frame_of(admin),
            notice=done(),
            discovery_url=_discovery_url(),
            clients=tuple(
                contexts.ClientRow(
                    client_id=client.client_id,
                    name=client.client_name,
                    redirect_uri=client.redirect_uris[0] if client.redirect_uris else "",
                    created_at=client.created_at,
                    disabled=client.disabled_at is not None,
                )
                for client in found
            ),
        ),
    )


@bp.get("/admin/<number>/clients/new")
def new_client(number: str) -> Response:
    """The empty form."""
    admin = administrator(number, fresh=True)
    return show(admin, contexts.ClientForm(frame=frame_of(admin)))


@bp.post("/admin/<number>/clients/new")
def register_client(number: str) -> Response:
    """Register; the secret is on the answer and nowhere else."""
    check_form()
    admin = administrator(number, fresh=True)
    form = request.form
    kind = form.get("kind", "")
    try:
        client, secret = services().clients.register(
            _metadata(), tenant_id=admin.tenant_id, first_party=False, created_by=admin.subject
        )
    except InvalidMetadata as error:
        page = contexts.ClientForm(
            frame=frame_of(admin),
            errors=_errors(error),
            error_values={"reason": error.description},
            client_name=form.get("client_name", ""),
            kind=kind if kind in KINDS else "web",  # type: ignore[arg-type]
            redirect_uris=form.get("redirect_uris", ""),
            post_logout_redirect_uris=form.get("post_logout_redirect_uris", ""),
            backchannel_logout_uri=form.get("backchannel_logout_uri", ""),
            policy_uri=form.get("policy_uri", ""),
            tos_uri=form.get("tos_uri", ""),
            offline_access=form.get("offline_access") == "1",
            require_second_factor=form.get("require_second_factor") == "1",
        )
        return show(admin, page, status=400)
    return _created(admin, client.client_id, client.client_name, secret)


@bp.get("/admin/<number>/clients/<client_id>")
def client(number: str, client_id: str) -> Response:
    """One client."""
    admin = administrator(number)
    return show(admin, _detail(admin, client_id))


@bp.post("/admin/<number>/clients/<client_id>")
def change_client(number: str, client_id: str) -> Response:
    """Rotate the secret, or delete the client."""
    check_form()
    admin = administrator(number, fresh=True)
    registry = services().clients
    try:
        found = registry.get(client_id, owned_by=admin.tenant_id)
        match request.form.get("action"):
            case "rotate-secret":
                hours = _hours(request.form.get("overlap_hours", "0"))
                secret = registry.rotate_secret(
                    client_id, hours * 3600, owned_by=admin.tenant_id, actor=admin.subject
                )
                return _created(admin, client_id, found.client_name, secret, overlap_hours=hours)
            case "delete":
                if request.form.get("confirm_name", "").strip() != found.client_name:
                    errors = {"confirm_name": "confirm-name-mismatch"}
                    return show(admin, _detail(admin, client_id, errors), status=400)
                registry.delete(client_id, owned_by=admin.tenant_id, actor=admin.subject)
                return see_other(f"{admin.base}/clients?done=client-deleted")
            case _:
                abort(400)
    except UnknownClient:
        abort(404)


def _metadata() -> dict[str, Any]:
    form = request.form
    metadata: dict[str, Any] = {
        "client_name": form.get("client_name", ""),
        "redirect_uris": form.get("redirect_uris", "").split(),
        "post_logout_redirect_uris": form.get("post_logout_redirect_uris", "").split(),
        "scope": SCOPE,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "require_pkce": form.get("kind") != "web",
    }
    if form.get("offline_access") == "1":
        metadata["grant_types"] = ["authorization_code", "refresh_token"]
        metadata["scope"] = f"{SCOPE} offline_access"
    if form.get("require_second_factor") == "1":
        metadata["minimum_acr"] = ACR_MULTI
    for name in ("backchannel_logout_uri", "policy_uri", "tos_uri"):
        if value := form.get(name, "").strip():
            metadata[name] = value
    return metadata | KINDS.get(form.get("kind", ""), KINDS["web"])


def _errors(error: InvalidMetadata) -> dict[str, str]:
    """The field a refusal belongs to, by the member its description names."""
    if not request.form.get("client_name", "").strip():
        return {"client_name": "client-name-required"}
    if error.code == "invalid_redirect_uri":
        given = request.form.get("redirect_uris", "").strip()
        return {"redirect_uris": "redirect-uri-invalid" if given else "redirect-uri-required"}
    for name in ("post_logout_redirect_uris", "backchannel_logout_uri", "policy_uri", "tos_uri"):
        if name in error.description:
            return {name: "uri-invalid"}
    if "redirect_uris" in error.description:
        return {"redirect_uris": "redirect-uri-required"}
    return {"": "client-metadata-invalid"}


def _detail(
    admin: Administrator, client_id: str, errors: dict[str, str] | None = None
) -> contexts.ClientDetail:
    try:
        found = services().clients.get(client_id, owned_by=admin.tenant_id)
    except UnknownClient:
        abort(404)
    return contexts.ClientDetail(
        frame=frame_of(admin),
        errors=errors or {},
        client_id=found.client_id,
        client_name=found.client_name,
        discovery_url=_discovery_url(),
        auth_method=found.token_endpoint_auth_method,
        redirect_uris=found.redirect_uris,
        post_logout_redirect_uris=found.post_logout_redirect_uris,
        backchannel_logout_uri=found.backchannel_logout_uri or "",
        scope=found.scope,
        created_at=found.created_at,
        secrets=tuple(
            contexts.SecretRow(created_at=secret.created_at, expires_at=secret.expires_at)
            for secret in services().clients.secrets_of(found)
        ),
    )


def _created(
    admin: Administrator,
    client_id: str,
    client_name: str,
    secret: str | None,
    *,
    overlap_hours: int | None = None,
) -> Response:
    until = None
    if overlap_hours:
        until = services().clock.now() + timedelta(hours=overlap_hours)
    return show(
        admin,
        contexts.ClientCreated(
            frame=frame_of(admin),
            client_id=client_id,
            client_name=client_name,
            secret=secret or "",
            discovery_url=_discovery_url(),
            rotated=overlap_hours is not None,
            old_until=until,
        ),
    )


def _discovery_url() -> str:
    return f"{services().settings.issuer}/.well-known/openid-configuration"


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        return 0
    return int(text) if len(text) < 4 and int(text) < 24 * 30 else 24 * 30
