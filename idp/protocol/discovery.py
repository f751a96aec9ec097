"""Discovery: what this provider can do, as registered (OIDC Discovery §3, RFC 8414 §2).

One document serves both well-known addresses. Request objects are not supported, so their
algorithms are not listed; empty lists are left out.
"""

from collections.abc import Iterable
from typing import Any

from idp.core.vocabulary import ACRS_SUPPORTED, SCOPES_SUPPORTED
from idp.infra.i18n import LOCALES
from idp.protocol.claims import CLAIMS_SUPPORTED
from idp.protocol.client_authentication import ASSERTION_ALGS, CONFIDENTIAL_METHODS
from idp.protocol.errors import RESPONSE_MODES
from idp.protocol.id_tokens import ALGS

PATHS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "jwks_uri": "/jwks",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
    "end_session_endpoint": "/end-session",
}
"""Where the web layer serves each endpoint."""


def endpoint(issuer: str, name: str) -> str:
    """The absolute address of an endpoint; the issuer alone decides the host."""
    return issuer.rstrip("/") + PATHS[name]


def metadata(
    issuer: str,
    *,
    grant_types: Iterable[str],
    response_types: Iterable[str],
    auth_methods: Iterable[str],
) -> dict[str, Any]:
    """The provider's metadata."""
    methods = list(auth_methods)
    confidential = [method for method in methods if method in CONFIDENTIAL_METHODS]
    return {
        "issuer": issuer,
        **{name: endpoint(issuer, name) for name in PATHS},
        "scopes_supported": list(SCOPES_SUPPORTED),
        "response_types_supported": sorted(response_types),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(grant_types),
        "acr_values_supported": list(ACRS_SUPPORTED),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGS),
        "userinfo_signing_alg_values_supported": list(ALGS),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "code_challenge_methods_supported": ["S256"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS_SUPPORTED),
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "ui_locales_supported": list(LOCALES),
    }
