"""What browsers and passkey managers look up about passkeys; public, and nothing personal.

``passkey-endpoints`` (W3C, A Well-Known URL for Relying Party Passkey Endpoints): where a person
sets passkeys up and manages them. ``webauthn`` (WebAuthn Level 3 §5.11.1): which further origins
may use this provider's passkeys; there only where the operator has named some.
"""

import json

from flask import Blueprint, Response, abort

from idp.web.http import guard, services
from idp.web.security import PUBLIC_METADATA

bp = Blueprint("well_known", __name__)


@bp.get("/.well-known/passkey-endpoints")
def passkey_endpoints() -> Response:
    """Where passkeys are added and managed."""
    settings = services().settings
    if not settings.passkeys.available:
        abort(404)
    page = f"{settings.issuer}/account/passkeys"
    return _public({"enroll": page, "manage": page})


@bp.get("/.well-known/webauthn")
def related_origins() -> Response:
    """Every origin that may use the passkeys, the issuer's first."""
    passkeys = services().settings.passkeys
    if not passkeys.available or len(passkeys.origins) < 2:
        abort(404)
    return _public({"origins": list(passkeys.origins)})


def _public(body: dict[str, object]) -> Response:
    response = Response(json.dumps(body), headers=list(PUBLIC_METADATA))
    guard().protect_api(response)
    return response
