"""The authorization response, success or error, in each response mode; ``iss`` always (RFC 9207).

The only place that writes to a client's redirect URI. A registered query survives; parameters are
appended to it (RFC 6749 §3.1.2). ``state`` is returned exactly as it came.
"""

from collections.abc import Iterable
from urllib.parse import urlencode

from idp.protocol.errors import AuthorizationError, ResponseTarget
from idp.protocol.messages import FormPost, ProtocolResponse


def respond(
    target: ResponseTarget, parameters: Iterable[tuple[str, str]], issuer: str
) -> ProtocolResponse:
    """Send these parameters, ``state`` and ``iss`` to the client."""
    fields = list(parameters)
    if target.state is not None:
        fields.append(("state", target.state))
    fields.append(("iss", issuer))
    if target.response_mode == "form_post":
        # A page of ours that posts itself: drawn by the web layer, never a redirect.
        headers = (("Cache-Control", "no-store"),)
        form_post = FormPost(target.redirect_uri, tuple(fields))
        return ProtocolResponse(200, b"", headers, form_post=form_post)
    # Registered URIs have no fragment, so appending text is enough and keeps their query intact.
    if target.response_mode == "fragment":
        separator = "#"
    elif "?" not in target.redirect_uri:
        separator = "?"
    else:
        separator = "" if target.redirect_uri[-1] in "?&" else "&"
    return ProtocolResponse.redirect(target.redirect_uri + separator + urlencode(fields))


def respond_error(error: AuthorizationError, issuer: str) -> ProtocolResponse:
    """Redirect the error where that is allowed, else a page that tells its cause (§4.1.2.1)."""
    cause = error.error
    if error.target is None or not error.redirectable:
        headers = (("Cache-Control", "no-store"),)
        status = 400 if cause.status_code == 401 else cause.status_code
        return ProtocolResponse(status, b"", headers, error=cause, client_id=error.client_id)
    return respond(error.target, cause.get_body(), issuer)
