"""Sign-out, errors, the form_post response mode and the development outbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.web.contexts.base import Page


@dataclass(frozen=True, kw_only=True)
class LogoutConfirm(Page):
    """Main button signs out; ``action=stay`` keeps the session. ``fields`` are hidden inputs."""

    template: ClassVar[str] = "logout/confirm.html"
    step: ClassVar[str] = "logout"
    languages: ClassVar[bool] = False

    email: str = ""
    client_name: str = ""
    post_url: str = ""
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LogoutDone(Page):
    """``client_names``: the products that are told."""

    template: ClassVar[str] = "logout/done.html"
    step: ClassVar[str] = "logged-out"

    client_names: tuple[str, ...] = ()
    return_url: str = ""
    return_name: str = ""


@dataclass(frozen=True, kw_only=True)
class OAuthError(Page):
    """An authorization request that must not be redirected (RFC 6749 §4.1.2.1).

    ``code`` and ``description`` are the wire's own English words and shown as such; ``hint`` tells
    the developer what to change. ``reference`` finds the request in the log.
    """

    template: ClassVar[str] = "error.html"
    step: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    languages: ClassVar[bool] = False

    code: str
    description: str = ""
    hint: str = ""
    parameter: str = ""
    client_name: str = ""
    reference: str = ""
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FormPost(Page):
    """OAuth 2.0 Form Post Response Mode §2: posts itself by script, or by its button."""

    template: ClassVar[str] = "form_post.html"
    step: ClassVar[str] = "form-post"
    languages: ClassVar[bool] = False

    post_url: str
    fields: tuple[tuple[str, str], ...]
    client_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Trouble(Page):
    """A plain page about something that did not work. ``retry_url``: what the button opens."""

    template: ClassVar[str] = "trouble.html"
    step: ClassVar[str] = "error"
    languages: ClassVar[bool] = False
    kind: ClassVar[str] = ""

    retry_url: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class NotFound(Trouble):
    """404."""

    status: ClassVar[int] = 404


@dataclass(frozen=True, kw_only=True)
class Forbidden(Trouble):
    """403: signed in, but not for this."""

    status: ClassVar[int] = 403

    email: str = ""


@dataclass(frozen=True, kw_only=True)
class FormExpired(Trouble):
    """The CSRF token is missing or another session's."""

    status: ClassVar[int] = 400
    kind: ClassVar[str] = "form-expired"


@dataclass(frozen=True, kw_only=True)
class BadRequest(Trouble):
    """400 or 405 or 413: something that no page of ours sends."""

    status: ClassVar[int] = 400


@dataclass(frozen=True, kw_only=True)
class TooManyRequests(Trouble):
    """429."""

    status: ClassVar[int] = 429

    retry_after: int = 60


@dataclass(frozen=True, kw_only=True)
class ServerError(Trouble):
    """500."""

    status: ClassVar[int] = 500


@dataclass(frozen=True, kw_only=True)
class ServiceUnavailable(Trouble):
    """503: a store is away; nothing was changed."""

    status: ClassVar[int] = 503

    retry_after: int = 30


@dataclass(frozen=True, kw_only=True)
class KeptMail:
    """A mail, text message (``sms``) or call (``voice``) of the in-app outbox."""

    id: str
    to: str
    subject: str = ""
    kind: str = "mail"
    at: datetime
    text: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DevOutbox(Page):
    """Loopback issuers only: the messages that would have been sent, newest first."""

    template: ClassVar[str] = "dev/outbox.html"
    step: ClassVar[str] = "outbox"

    mails: tuple[KeptMail, ...] = ()
