"""The form of a client: what was typed, the metadata it stands for, and what is wrong with it.

Only the fields named here are read, so nothing else (owner, standing, client_id) can be set by a
form; ``clients.metadata.check_metadata`` judges, and its refusals are led back to fields and lines.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, cast

from werkzeug.datastructures import MultiDict

from idp.clients.client import Client
from idp.clients.metadata import InvalidMetadata
from idp.core.vocabulary import ACR_LEVEL, MANAGEMENT_PREFIX, MANAGEMENT_SCOPES, SCOPES_SUPPORTED
from idp.protocol.failed_flows import ascii_host
from idp.web.contexts.clients import ClientValues, Consequence, FieldProblem, Kind

KINDS: dict[str, dict[str, Any]] = {
    "web": {},
    "browser": {"token_endpoint_auth_method": "none"},
    "native": {"token_endpoint_auth_method": "none", "application_type": "native"},
    "service": {"grant_types": ["client_credentials"], "response_types": []},
}
"""What an admin calls a client, in registration terms (RFC 7591 §2)."""
OFFERED_SCOPES = ("profile", "email", "phone", "address", "tenant")
LONGEST = 20_000
"""Characters that are kept of any field."""

_LISTS = ("redirect_uris", "post_logout_redirect_uris", "contacts")
_URIS = (
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "initiate_login_uri",
    "logo_uri",
    "client_uri",
    "policy_uri",
    "tos_uri",
)
_FLAGS = (
    "offline_access",
    "require_pkce",
    "require_auth_time",
    "backchannel_logout_session_required",
)
NOTHING = "-"
"""What a list of choices sends for none of them."""
_CHOICES = ("minimum_acr", "userinfo_signed_response_alg", "product")
_SETS = {"scopes": "scope", "management_scopes": "management_scope"}
_FIELD_OF = {"scope": "resource_scope"}
Problems = Mapping[str, tuple[FieldProblem, ...]]


def read_form(form: MultiDict[str, str], kind: Kind | None = None) -> ClientValues:
    """What was typed; ``kind`` is fixed once a client exists."""
    found: dict[str, Any] = {}
    for item in fields(ClientValues):
        name = item.name
        if name in _SETS:
            found[name] = frozenset(form.getlist(_SETS[name])[:40])
        elif name in _FLAGS:
            found[name] = form.get(name) == "1"
        elif name in form:
            typed = form[name][:LONGEST].replace("\x00", "")
            found[name] = "" if name in _CHOICES and typed == NOTHING else typed
    chosen = kind or found.get("kind")
    found["kind"] = chosen if chosen in KINDS else "web"
    return ClientValues(**found)


def values_of(client: Client) -> ClientValues:
    """The form filled from a client."""
    scopes = client.scopes
    texts = {name: getattr(client, name) or "" for name in (*_URIS, "jwks_uri", "minimum_acr")}
    return ClientValues(
        **texts,
        client_name=client.client_name,
        kind=kind_of(client),
        redirect_uris="\n".join(client.redirect_uris),
        post_logout_redirect_uris="\n".join(client.post_logout_redirect_uris),
        scopes=frozenset(scopes) & frozenset(OFFERED_SCOPES),
        resource_scope=" ".join(
            s for s in scopes if s not in SCOPES_SUPPORTED and not s.startswith(MANAGEMENT_PREFIX)
        ),
        management_scopes=frozenset(s for s in scopes if s.startswith(MANAGEMENT_PREFIX)),
        offline_access="refresh_token" in client.grant_types,
        token_endpoint_auth_method=client.token_endpoint_auth_method,
        jwks=json.dumps(client.jwks, indent=2) if client.jwks else "",
        require_pkce=client.require_pkce,
        default_max_age="" if client.default_max_age is None else str(client.default_max_age),
        require_auth_time=client.require_auth_time,
        backchannel_logout_session_required=client.backchannel_logout_session_required,
        id_token_signed_response_alg=client.id_token_signed_response_alg,
        userinfo_signed_response_alg=client.userinfo_signed_response_alg or "",
        contacts="\n".join(client.contacts),
        refresh_grace=str(client.refresh_grace or ""),
        standing="first-party" if client.first_party else "partner",
        product=client.product or "",
    )


def kind_of(client: Client) -> Kind:
    """What an admin would call it."""
    if "authorization_code" not in client.grant_types:
        return "service"
    if client.application_type == "native":
        return "native"
    return "browser" if client.is_public else "web"


def metadata_of(values: ClientValues, current: Client | None = None) -> dict[str, Any]:
    """The form in registration terms; what it has no field for stays as it is."""
    found: dict[str, Any] = {
        "client_name": values.client_name,
        "token_endpoint_auth_method": values.token_endpoint_auth_method,
        "minimum_acr": values.minimum_acr or None,
        "default_max_age": _number(values.default_max_age),
        "require_auth_time": values.require_auth_time,
        "require_pkce": values.require_pkce,
        "backchannel_logout_session_required": values.backchannel_logout_session_required,
        "id_token_signed_response_alg": values.id_token_signed_response_alg or None,
        "userinfo_signed_response_alg": values.userinfo_signed_response_alg or None,
        "refresh_grace": _number(values.refresh_grace),
        "jwks": _json(values.jwks),
        "jwks_uri": values.jwks_uri.strip() or None,
        "product": values.product or None,
    }
    found |= {name: [text for _, text in lines(getattr(values, name))] for name in _LISTS}
    found |= {name: getattr(values, name).strip() or None for name in _URIS}
    found |= _grants(values, current)
    if found["token_endpoint_auth_method"] != "private_key_jwt":
        found |= {"jwks": None, "jwks_uri": None}
    found["scope"] = _scope(values, "authorization_code" in found["grant_types"])
    return found


def _grants(values: ClientValues, current: Client | None) -> dict[str, Any]:
    if current is None:
        found = {"grant_types": ["authorization_code"], "response_types": ["code"]}
        found |= KINDS[values.kind]
    else:
        found = {"grant_types": [g for g in current.grant_types if g != "refresh_token"]}
        if values.kind in ("browser", "native"):
            found["token_endpoint_auth_method"] = current.token_endpoint_auth_method  # type: ignore[assignment]
    if values.offline_access and "authorization_code" in found["grant_types"]:
        found["grant_types"] = [*found["grant_types"], "refresh_token"]
    return found


def _scope(values: ClientValues, with_people: bool) -> str:
    names = ["openid", *(s for s in OFFERED_SCOPES if s in values.scopes)] if with_people else []
    if with_people and values.offline_access:
        names.append("offline_access")
    more = " ".join(values.resource_scope.split())
    names += [s for s in MANAGEMENT_SCOPES if s in values.management_scopes]
    # A service without any still needs a value, or it would have those of people by default.
    return " ".join([*names, more]).strip() or "openid"


def lines(text: str) -> list[tuple[int, str]]:
    """Each line that has something on it, with its number."""
    return [
        (number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()
    ]


def to_problems(refusals: list[InvalidMetadata], values: ClientValues) -> Problems:
    """Refusals by the field they belong to, in sentences' codes."""
    found: dict[str, list[FieldProblem]] = {}
    if not values.client_name.strip():
        found["client_name"] = [FieldProblem(code="client-name-required")]
    names = {item.name for item in fields(ClientValues)}
    for refused in refusals:
        name = _FIELD_OF.get(refused.member, refused.member)
        problem = _problem(refused, values)
        found.setdefault(name if name in names else "", []).append(problem)
    return {name: tuple(problems) for name, problems in found.items()}


def _problem(refused: InvalidMetadata, values: ClientValues) -> FieldProblem:
    typed = str(getattr(values, refused.member, "") or "") if refused.member else ""
    line = None
    if refused.entry is not None:
        entries = lines(typed)
        line, typed = entries[refused.entry - 1] if refused.entry <= len(entries) else (None, "")
    if refused.problem == "uri-characters" and (host := _foreign_host(typed)):
        return FieldProblem(code="uri-foreign-host", line=line, values={"host": host})
    if not refused.problem:
        return FieldProblem(
            code="client-metadata-invalid", line=line, values={"reason": refused.description}
        )
    return FieldProblem(code=refused.problem, line=line)


def _foreign_host(uri: str) -> str:
    """The host of a URI as name servers know it, if it has letters beyond ASCII."""
    host = uri.partition("://")[2].partition("/")[0].partition("?")[0]
    host = host.rpartition("@")[2].partition(":")[0][:253].lower()
    return "" if host.isascii() else ascii_host(host)


def consequences(before: ClientValues, after: ClientValues) -> tuple[Consequence, ...]:
    """What those who use the client would notice."""
    found: list[Consequence] = []
    for name, code in (
        ("redirect_uris", "redirect-uri-removed"),
        ("post_logout_redirect_uris", "post-logout-removed"),
    ):
        kept = {text for _, text in lines(getattr(after, name))}
        gone = [text for _, text in lines(getattr(before, name)) if text not in kept]
        found += [Consequence(code=code, value=text) for text in gone]
    changed = {
        item.name
        for item in fields(ClientValues)
        if getattr(before, item.name) != getattr(after, item.name)
    }
    if "token_endpoint_auth_method" in changed:
        found.append(Consequence(code="method-changed"))
    elif (
        after.management_scopes
        and not before.management_scopes
        and before.token_endpoint_auth_method.startswith("client_secret_")
    ):
        found.append(Consequence(code="secret-renewed"))
    elif before.token_endpoint_auth_method == "private_key_jwt" and changed & {"jwks", "jwks_uri"}:
        found.append(Consequence(code="keys-changed"))
    if after.require_pkce and not before.require_pkce:
        found.append(Consequence(code="pkce-demanded"))
    if ACR_LEVEL.get(after.minimum_acr, 1) > ACR_LEVEL.get(before.minimum_acr, 1):
        found.append(Consequence(code="acr-raised"))
    if before.offline_access and not after.offline_access:
        found.append(Consequence(code="refresh-off"))
    gone_scopes = (_all_scopes(before) - _all_scopes(after)) - {"offline_access"}
    found += [Consequence(code="scope-removed", value=name) for name in sorted(gone_scopes)]
    if before.backchannel_logout_uri and not after.backchannel_logout_uri.strip():
        found.append(Consequence(code="backchannel-removed"))
    if "id_token_signed_response_alg" in changed:
        alg = after.id_token_signed_response_alg
        found.append(Consequence(code="alg-changed", value=alg))
    if "standing" in changed:
        code = "consent-skipped" if after.standing == "first-party" else "consent-asked"
        found.append(Consequence(code=code))
    if "product" in changed and after.product:
        found.append(Consequence(code="product-changed", value=after.product))
    return tuple(found)


def token_of(found: tuple[Consequence, ...]) -> str:
    """Names these consequences, so that nobody agrees to others than they have read."""
    text = "\n".join(f"{one.code} {one.value}" for one in found)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] if found else ""


def without_operators_fields(values: ClientValues, before: ClientValues | None) -> ClientValues:
    """What a company may not set, as it is."""
    kept = before or ClientValues()
    return replace(
        values,
        refresh_grace=kept.refresh_grace,
        product=kept.product,
        standing=kept.standing,
        customer_number="",
    )


def _all_scopes(values: ClientValues) -> set[str]:
    return {*values.scopes, *values.resource_scope.split(), *values.management_scopes}


def _number(text: str) -> Any:
    """A number, or what was typed, for the judge to refuse."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return cast(Any, json.loads(text))
    except (ValueError, RecursionError):
        return text
