"""The endpoints that clients call without a person: token, userinfo, introspection, revocation, and
the metadata. They open no session and draw no page.

Browser clients may call some of them from the origins of their registered redirect URIs (Fetch
standard, CORS protocol); the metadata is public to all. Plain requests do not come this far: they
are answered by ``web.fast_lane``.
"""

from flask import Blueprint, Response, request

from idp.web.http import guard, services, to_flask, to_protocol
from idp.web.security import PUBLIC_METADATA

bp = Blueprint("endpoints", __name__)


@bp.post("/token")
def token() -> Response:
    """The token endpoint (RFC 6749 §3.2)."""
    return _for_browsers(to_flask(services().protocol.token(to_protocol())))


@bp.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> Response:
    """The userinfo endpoint (OIDC Core §5.3)."""
    return _for_browsers(to_flask(services().protocol.userinfo(to_protocol())))


@bp.post("/introspect")
def introspect() -> Response:
    """Token introspection (RFC 7662)."""
    return to_flask(services().protocol.introspect(to_protocol()))


@bp.post("/revoke")
def revoke() -> Response:
    """Token revocation (RFC 7009)."""
    return _for_browsers(to_flask(services().protocol.revoke(to_protocol())))


@bp.get("/.well-known/openid-configuration")
@bp.get("/.well-known/oauth-authorization-server")
def discovery() -> Response:
    """Provider metadata (OIDC Discovery §4, RFC 8414 §3)."""
    return _public(services().protocol.discovery())


@bp.get("/jwks")
def jwks() -> Response:
    """The public signing keys (RFC 7517 §5)."""
    return _public(services().keyring.jwks())


@bp.route("/token", methods=["OPTIONS"])
@bp.route("/userinfo", methods=["OPTIONS"])
@bp.route("/revoke", methods=["OPTIONS"])
def preflight() -> Response:
    """What a browser asks before a cross-origin call."""
    response = _for_browsers(Response(status=204))
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _public(body: bytes) -> Response:
    response = Response(body, headers=list(PUBLIC_METADATA))
    guard().protect_api(response)
    return response


def _for_browsers(response: Response) -> Response:
    """Let a registered origin read the answer; no credentials are ever taken along."""
    origin = request.headers.get("Origin")
    if origin is None:
        return response
    response.vary.add("Origin")
    if services().clients.is_registered_origin(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
    return response
