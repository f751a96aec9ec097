"""Client metadata as it comes in: checked, completed with defaults, in one plain dict.

Names, defaults and error codes are those of RFC 7591 §2 and §3.2.2, OIDC Registration §2,
RP-Initiated Logout §2, Back-Channel Logout §2.2 and Front-Channel Logout §2. Unknown members are
ignored, wrong types refused with a text that says what to change. Texts name members, never the
values sent.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from idp.clients.redirect_uris import check_redirect_uri, check_web_uri
from idp.core.vocabulary import (
    ACRS_SUPPORTED,
    MANAGEMENT_PREFIX,
    MANAGEMENT_SCOPES,
    SCOPES_SUPPORTED,
)

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
RESPONSE_TYPES = ("code",)
AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
CLIENT_SIGNING_ALGS = ("RS256", "PS256", "ES256", "EdDSA")
RESPONSE_SIGNING_ALGS = ("RS256", "ES256", "EdDSA")
MAX_REFRESH_GRACE = 60
_MAX_URIS = 50
_PRIVATE_JWK_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_UNSUPPORTED = (
    "id_token_encrypted_response_alg",
    "userinfo_encrypted_response_alg",
    "authorization_encrypted_response_alg",
    "introspection_encrypted_response_alg",
)


class InvalidMetadata(ValueError):
    """Refused; ``code`` is ``invalid_redirect_uri`` or ``invalid_client_metadata`` (RFC 7591
    §3.2.2).

    For forms: the ``member`` at fault, in a list the ``entry`` (from 1), and ``problem``, the name
    of what is wrong with it (``web.page_words``); empty where the description alone says it.
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        member: str = "",
        entry: int | None = None,
        problem: str = "",
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.member = member
        self.entry = entry
        self.problem = problem


def check_metadata(
    metadata: Mapping[str, Any], loopback_issuer: bool, *, allow_management: bool = False
) -> dict[str, Any]:
    """Every member a client has, checked and defaulted; raises ``InvalidMetadata``.

    On a loopback issuer every client may use http on loopback, otherwise native and public ones
    only. Scopes of the management API are refused unless the caller vouches for them.
    """
    for name in _UNSUPPORTED:
        if metadata.get(name) is not None:
            raise _refused(name, "is not supported: responses are signed, not encrypted")
    checked = _kinds(metadata)
    checked.update(_authentication(metadata, checked, loopback_issuer))
    checked.update(_uris(metadata, checked, loopback_issuer))
    checked.update(_presentation(metadata, checked, loopback_issuer))
    checked.update(_tokens(metadata, checked, allow_management))
    return checked


def _kinds(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Grant types, response types and application type, which must fit one another."""
    grant_types = _list(metadata, "grant_types", ["authorization_code"], GRANT_TYPES)
    if not grant_types:
        raise _refused("grant_types", "must not be empty")
    uses_code = "authorization_code" in grant_types
    response_types = _list(
        metadata, "response_types", ["code"] if uses_code else [], RESPONSE_TYPES
    )
    if uses_code != ("code" in response_types):
        raise _refused(
            "response_types",
            "and grant_types do not fit: code and authorization_code go together",
        )
    if "refresh_token" in grant_types and not uses_code:
        raise _refused("grant_types", "has refresh_token, which needs authorization_code beside it")
    return {
        "grant_types": grant_types,
        "response_types": response_types,
        "application_type": _choice(metadata, "application_type", "web", ("web", "native")),
    }


def _authentication(
    metadata: Mapping[str, Any], checked: Mapping[str, Any], loopback_issuer: bool
) -> dict[str, Any]:
    """How the client proves itself at the token endpoint, and its keys."""
    method = _choice(metadata, "token_endpoint_auth_method", "client_secret_basic", AUTH_METHODS)
    algorithm = _optional_choice(metadata, "token_endpoint_auth_signing_alg", CLIENT_SIGNING_ALGS)
    jwks = _jwks(metadata.get("jwks"))
    jwks_uri = _web_uri(metadata, "jwks_uri", loopback_issuer)
    if jwks is not None and jwks_uri is not None:
        raise _refused(
            "jwks_uri", "cannot stand beside jwks: give one of the two, not both", "jwks-both"
        )
    if method == "private_key_jwt" and jwks is None and jwks_uri is None:
        raise _refused(
            "jwks", "is missing: private_key_jwt needs public keys, jwks or jwks_uri", "jwks-needed"
        )
    if method == "none" and "client_credentials" in checked["grant_types"]:
        raise _refused(
            "token_endpoint_auth_method",
            "is none, but client_credentials needs a client that authenticates itself",
        )
    return {
        "token_endpoint_auth_method": method,
        "token_endpoint_auth_signing_alg": algorithm if method == "private_key_jwt" else None,
        "jwks": jwks,
        "jwks_uri": jwks_uri,
    }


def _uris(
    metadata: Mapping[str, Any], checked: Mapping[str, Any], loopback_issuer: bool
) -> dict[str, Any]:
    """Where browsers and logout notices are sent."""
    native = checked["application_type"] == "native"
    public = checked["token_endpoint_auth_method"] == "none"
    loopback = native or public or loopback_issuer
    result: dict[str, Any] = {}
    for name, code in (
        ("redirect_uris", "invalid_redirect_uri"),
        ("post_logout_redirect_uris", "invalid_client_metadata"),
    ):
        uris = _list(metadata, name, [])
        if len(uris) > _MAX_URIS:
            raise InvalidMetadata(
                code,
                f"{name} may have {_MAX_URIS} entries at most",
                member=name,
                problem="uris-many",
            )
        for place, uri in enumerate(uris, 1):
            problem = check_redirect_uri(uri, native=native, allow_http_loopback=loopback)
            if problem:
                raise InvalidMetadata(
                    code,
                    f"{name}, entry {place}: {problem}",
                    member=name,
                    entry=place,
                    problem=problem.code,
                )
        result[name] = uris
    if "authorization_code" in checked["grant_types"] and not result["redirect_uris"]:
        raise InvalidMetadata(
            "invalid_redirect_uri",
            "redirect_uris needs one entry at least",
            member="redirect_uris",
            problem="redirect-uri-required",
        )
    for name in ("backchannel_logout_uri", "frontchannel_logout_uri", "initiate_login_uri"):
        result[name] = _web_uri(metadata, name, loopback_issuer)
    result["backchannel_logout_session_required"] = _flag(
        metadata, "backchannel_logout_session_required", False
    )
    return result


def _presentation(
    metadata: Mapping[str, Any], checked: Mapping[str, Any], loopback_issuer: bool
) -> dict[str, Any]:
    """What people see of the client."""
    name = _text(metadata, "client_name", 200)
    if name is None:
        hosts = [urlsplit(uri).hostname for uri in checked["redirect_uris"]]
        name = (hosts[0] if hosts and hosts[0] else None) or "Unnamed client"
    contacts = _list(metadata, "contacts", [])
    if len(contacts) > 20 or any(
        len(contact) > 320 or not contact.isprintable() for contact in contacts
    ):
        raise _refused("contacts", "may have 20 e-mail addresses at most", "contacts-invalid")
    result: dict[str, Any] = {"client_name": name, "contacts": contacts}
    for member in ("client_uri", "logo_uri", "policy_uri", "tos_uri"):
        result[member] = _web_uri(metadata, member, loopback_issuer)
    return result


def _tokens(
    metadata: Mapping[str, Any], checked: Mapping[str, Any], allow_management: bool
) -> dict[str, Any]:
    """Scope, algorithms and the demands a client makes of every sign-in."""
    scope = _text(metadata, "scope", 1000)
    if scope is None:
        offline = "refresh_token" in checked["grant_types"]
        scope = " ".join(s for s in SCOPES_SUPPORTED if s != "offline_access" or offline)
    if any(not _is_scope_token(token) for token in scope.split(" ")):
        raise _refused("scope", "is a list of names with one blank between them", "scope-invalid")
    managing = {token for token in scope.split(" ") if token.startswith(MANAGEMENT_PREFIX)}
    if managing and (not allow_management or managing - set(MANAGEMENT_SCOPES)):
        raise _refused(
            "scope", "has names of the management API, which only admins grant", "scope-management"
        )
    refresh_grace = _number(metadata, "refresh_grace", 0, MAX_REFRESH_GRACE)
    return {
        "scope": " ".join(dict.fromkeys(scope.split(" "))),
        "subject_type": _choice(metadata, "subject_type", "public", ("public",)),
        "id_token_signed_response_alg": _choice(
            metadata, "id_token_signed_response_alg", "RS256", RESPONSE_SIGNING_ALGS
        ),
        "userinfo_signed_response_alg": _optional_choice(
            metadata, "userinfo_signed_response_alg", RESPONSE_SIGNING_ALGS
        ),
        "default_max_age": _number(metadata, "default_max_age", None, 10 * 365 * 86400),
        "require_auth_time": _flag(metadata, "require_auth_time", False),
        "minimum_acr": _optional_choice(metadata, "minimum_acr", ACRS_SUPPORTED),
        "require_pkce": _flag(metadata, "require_pkce", False)
        or checked["token_endpoint_auth_method"] == "none",
        "refresh_grace": refresh_grace or 0,
    }


def _refused(member: str, description: str, problem: str = "") -> InvalidMetadata:
    return InvalidMetadata(
        "invalid_client_metadata", f"{member} {description}", member=member, problem=problem
    )


def _text(metadata: Mapping[str, Any], name: str, longest: int) -> str | None:
    """A trimmed text without control characters; empty counts as absent."""
    value = metadata.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _refused(name, "must be a string")
    value = value.strip()
    if len(value) > longest:
        raise _refused(name, f"may have {longest} characters at most", "too-long")
    if not value.isprintable():
        raise _refused(
            name, "must not have control or formatting characters", "client-text-invalid"
        )
    return value or None


def _list(
    metadata: Mapping[str, Any], name: str, default: list[str], allowed: tuple[str, ...] = ()
) -> list[str]:
    value = metadata.get(name)
    if value is None:
        return default
    if not isinstance(value, list | tuple) or any(not isinstance(entry, str) for entry in value):
        raise InvalidMetadata(
            "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata",
            f"{name} must be a list of strings",
            member=name,
        )
    if allowed and any(entry not in allowed for entry in value):
        raise _refused(name, f"has an unknown value; supported are {', '.join(allowed)}")
    return list(dict.fromkeys(value))


def _choice(metadata: Mapping[str, Any], name: str, default: str, allowed: tuple[str, ...]) -> str:
    return _optional_choice(metadata, name, allowed) or default


def _optional_choice(
    metadata: Mapping[str, Any], name: str, allowed: tuple[str, ...]
) -> str | None:
    value = metadata.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise _refused(name, f"must be one of {', '.join(allowed)}")
    return value


def _flag(metadata: Mapping[str, Any], name: str, default: bool) -> bool:
    value = metadata.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _refused(name, "must be true or false")
    return value


def _number(
    metadata: Mapping[str, Any], name: str, default: int | None, largest: int
) -> int | None:
    value = metadata.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise _refused(
            name, f"must be a whole number of seconds from 0 to {largest}", "seconds-invalid"
        )
    return value


def _web_uri(metadata: Mapping[str, Any], name: str, loopback_issuer: bool) -> str | None:
    value = metadata.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _refused(name, "must be a string")
    if problem := check_web_uri(value, allow_http_loopback=loopback_issuer):
        raise _refused(name, problem, problem.code)
    return value


def _jwks(value: Any) -> dict[str, Any] | None:
    """A JWK Set of public asymmetric keys (RFC 7517 §5); private or shared keys are refused."""
    if value is None:
        return None
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, list) or not keys or len(keys) > 20:
        raise _refused(
            "jwks",
            "must be a JWK Set: an object whose member keys lists 1 to 20 keys",
            "jwks-invalid",
        )
    for key in keys:
        if not isinstance(key, Mapping) or key.get("kty") not in ("RSA", "EC", "OKP"):
            raise _refused(
                "jwks", "has a key that is no JSON object with kty RSA, EC or OKP", "jwks-invalid"
            )
        if _PRIVATE_JWK_MEMBERS & key.keys():
            raise _refused(
                "jwks",
                "must hold public keys only; this set gives a private key away",
                "jwks-private",
            )
    return {"keys": [dict(key) for key in keys]}


def _is_scope_token(token: str) -> bool:
    """RFC 6749 §3.3."""
    return bool(token) and all("!" <= c <= "~" and c not in '"\\' for c in token)
