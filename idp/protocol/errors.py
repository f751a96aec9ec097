"""Every error of the wire, once: its code, status, public text, and whether it may be redirected.

The text is fixed; a :class:`~idp.protocol.hints.Hint` of fixed words may follow it. What only the
operator may know goes into ``detail`` and the log. Authlib's own error classes are not raised:
several echo what was sent, and a quote in it makes them fail (see ``OAuth2Error.__init__``).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from authlib.oauth2 import OAuth2Error

from idp.protocol.hints import Hint
from idp.protocol.messages import JSON_HEADERS

RESPONSE_MODES = ("query", "fragment", "form_post")
"""OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode."""


class ProtocolError(OAuth2Error):  # type: ignore[misc]  # Authlib has no type information
    """One error answer. Subclasses fix the code; raise them with a hint."""

    error: ClassVar[str] = "server_error"
    status_code: ClassVar[int] = 400
    text: ClassVar[str] = "The request could not be completed."
    redirectable: ClassVar[bool] = True
    reference: str = ""
    """Finds it in the log and the client's failed flows, where it was kept. Not part of the answer
    to a program: its absence would tell that a client does not exist."""

    def __init__(self, hint: Hint | None = None, *, detail: str = "") -> None:
        self.hint = hint
        self.detail = detail
        description = f"{self.text} {hint}" if hint else self.text
        # Exception.__init__ alone: all texts are fixed and tested, none need be checked each time.
        Exception.__init__(self, f"{self.error}: {detail or description}")
        self.description = description
        self.uri = None
        self.state = None
        self.redirect_uri = None

    def get_body(self) -> list[tuple[str, str]]:
        """The members of the answer, whether JSON or redirect."""
        return [("error", self.error), ("error_description", self.description)]

    def get_headers(self) -> list[tuple[str, str]]:
        """The headers of a JSON answer."""
        return list(JSON_HEADERS)

    def __call__(self, uri: str | None = None) -> tuple[int, Any, list[tuple[str, str]]]:
        """Authlib's triple."""
        return self.status_code, dict(self.get_body()), self.get_headers()


class InvalidRequest(ProtocolError):
    """RFC 6749 §4.1.2.1, §5.2."""

    error = "invalid_request"
    text = "The request is missing a parameter, repeats one or is otherwise malformed."


class UnauthorizedClient(ProtocolError):
    """RFC 6749 §4.1.2.1, §5.2."""

    error = "unauthorized_client"
    text = "The client may not use this way of getting a token."


class AccessDenied(ProtocolError):
    """RFC 6749 §4.1.2.1."""

    error = "access_denied"
    text = "The person or the provider denied the request."


class UnsupportedResponseType(ProtocolError):
    """RFC 6749 §4.1.2.1."""

    error = "unsupported_response_type"
    text = "The response type is not supported."


class InvalidScope(ProtocolError):
    """RFC 6749 §4.1.2.1, §5.2."""

    error = "invalid_scope"
    text = "The scope is missing, unknown, or more than is allowed."


class ServerError(ProtocolError):
    """RFC 6749 §4.1.2.1."""

    error = "server_error"
    status_code = 500
    text = "The provider met an unexpected condition."


class TemporarilyUnavailable(ProtocolError):
    """RFC 6749 §4.1.2.1: a store is away; nothing was issued."""

    error = "temporarily_unavailable"
    status_code = 503
    text = "The provider cannot answer at the moment. Try again shortly."

    def get_headers(self) -> list[tuple[str, str]]:
        """With the seconds after which another try makes sense (RFC 9110 §10.2.3)."""
        return [*super().get_headers(), ("Retry-After", "5")]


class LoginRequired(ProtocolError):
    """OIDC Core §3.1.2.6."""

    error = "login_required"
    text = "The person has to sign in."


class ConsentRequired(ProtocolError):
    """OIDC Core §3.1.2.6."""

    error = "consent_required"
    text = "The person has to consent."


class RequestNotSupported(ProtocolError):
    """OIDC Core §3.1.2.6."""

    error = "request_not_supported"
    text = "Request objects are not supported."


class RequestUriNotSupported(ProtocolError):
    """OIDC Core §3.1.2.6."""

    error = "request_uri_not_supported"
    text = "Request objects by reference are not supported."


class UnmetAuthenticationRequirements(ProtocolError):
    """OpenID Connect Core Error Code unmet_authentication_requirements §2."""

    error = "unmet_authentication_requirements"
    text = "The sign-in that was demanded cannot be had."


class InvalidClient(ProtocolError):
    """RFC 6749 §5.2: 401, with a challenge where the Authorization header was tried."""

    error = "invalid_client"
    status_code = 401
    text = "Client authentication failed."
    redirectable = False

    def __init__(
        self, hint: Hint | None = None, *, detail: str = "", challenge: bool = False
    ) -> None:
        super().__init__(hint, detail=detail)
        self.challenge = challenge

    def get_headers(self) -> list[tuple[str, str]]:
        """The challenge names the scheme the client used (RFC 7235 §4.1)."""
        headers = super().get_headers()
        if self.challenge:
            headers.append(("WWW-Authenticate", 'Basic realm="client", charset="UTF-8"'))
        return headers


class UnknownClient(InvalidClient):
    """What the authorization endpoint says of a client that does not exist: always on a page."""

    status_code = 400
    text = "The client is not known."


class InvalidGrant(ProtocolError):
    """RFC 6749 §5.2."""

    error = "invalid_grant"
    text = "The code or refresh token cannot be used."
    redirectable = False


class UnsupportedGrantType(ProtocolError):
    """RFC 6749 §5.2."""

    error = "unsupported_grant_type"
    text = "The grant type is not supported."
    redirectable = False


class BearerError(ProtocolError):
    """An error of a protected resource, told in WWW-Authenticate as well (RFC 6750 §3)."""

    redirectable = False
    challenge_only: ClassVar[bool] = False

    def get_headers(self) -> list[tuple[str, str]]:
        """With the challenge; code and text are fixed words, so quoting them is safe."""
        challenge = 'Bearer realm="userinfo"'
        if not self.challenge_only:
            challenge += f', error="{self.error}", error_description="{self.description}"'
        return [*super().get_headers(), ("WWW-Authenticate", challenge)]


class MissingToken(BearerError):
    """No credentials at all: a bare challenge without an error code (RFC 6750 §3.1)."""

    error = "invalid_token"
    status_code = 401
    text = "An access token is needed."
    challenge_only = True


class InvalidToken(BearerError):
    """RFC 6750 §3.1."""

    error = "invalid_token"
    status_code = 401
    text = "The access token is malformed, expired or revoked."


class InsufficientScope(BearerError):
    """RFC 6750 §3.1."""

    error = "insufficient_scope"
    status_code = 403
    text = "The access token does not cover this."


class InvalidResourceRequest(BearerError):
    """RFC 6750 §3.1: invalid_request at a protected resource."""

    error = "invalid_request"
    text = "The request to the resource is malformed."


@dataclass(frozen=True, slots=True)
class ResponseTarget:
    """Where an authorization answer goes, once client and redirect URI are known good."""

    redirect_uri: str
    response_mode: str = "query"
    state: str | None = None


class AuthorizationError(Exception):
    """An authorization request that failed; ``redirectable`` decides between redirect and page."""

    def __init__(
        self,
        error: ProtocolError,
        target: ResponseTarget | None = None,
        client_id: str | None = None,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.target = target
        self.client_id = client_id

    @property
    def redirectable(self) -> bool:
        """Only after client and redirect URI matched (RFC 6749 §4.1.2.1)."""
        return self.target is not None and self.error.redirectable
