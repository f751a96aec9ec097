"""What goes wrong in the management API: one document for all of it (RFC 9457).

``type`` is a stable URN that programs may switch on; ``title`` says the same in words and
``detail`` what to change. Fields that were refused are listed in ``errors``. What is refused for
the token's sake carries the challenge of RFC 6750 §3 as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from flask import Response, request
from werkzeug.exceptions import HTTPException

from idp.accounts.breached import PasswordsUnavailable
from idp.accounts.claims import InvalidClaim
from idp.accounts.email_address import InvalidEmail
from idp.accounts.errors import EmailTaken, UnknownAccount
from idp.accounts.legacy_logins import LegacyLoginRefused
from idp.clients.metadata import InvalidMetadata
from idp.clients.registry import UnknownClient
from idp.clients.secrets import LastSecret
from idp.infra.database import DatabaseUnavailable
from idp.infra.delivery_queue import UnknownDelivery
from idp.infra.ephemeral import StoreUnavailable
from idp.infra.keyring import UnknownKey
from idp.infra.throttle import Throttled
from idp.people.actors import NotAllowed, NotHeld, OnlyAdmins, Refused
from idp.people.admin_requests.service import RequestRefused, UnknownRequest
from idp.people.app_passwords import AppPasswordRefused
from idp.people.imports.errors import UnknownImport
from idp.people.imports.reading import FileRefused
from idp.people.members.invitations import InvalidInvitation
from idp.people.recovery.cases import UnknownCase
from idp.tenants.activation import ActivationRefused
from idp.tenants.catalogue import UnknownCatalogueEntry
from idp.tenants.customer_number import InvalidCustomerNumber
from idp.tenants.errors import CustomerNumberTaken, LastAdmin, UnknownMembership, UnknownTenant
from idp.tenants.logos import LogoRefused
from idp.tenants.policy import InvalidPolicy

ROOT = "/api/"
MEDIA_TYPE = "application/problem+json"
URN = "urn:einlass:problem:"

TITLES = {
    "malformed": "The request cannot be read",
    "token-missing": "An access token is needed",
    "token-invalid": "The access token is not valid",
    "sign-in-too-old": "A fresh sign-in is needed",
    "insufficient-scope": "The access token does not cover this",
    "not-permitted": "The person may not do this",
    "not-found": "There is no such thing here",
    "method-not-allowed": "This method does nothing here",
    "conflict": "This is not possible as things stand",
    "changed-meanwhile": "It was changed in the meantime",
    "too-large": "The request is too large",
    "media-type": "The body has another format than is read here",
    "invalid": "Some of what was sent is not valid",
    "too-many-requests": "Too many requests",
    "unavailable": "The service is not available for a moment",
    "unexpected": "Something unexpected happened",
}
_STATUS = {
    400: "malformed",
    401: "token-invalid",
    403: "not-permitted",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    412: "changed-meanwhile",
    413: "too-large",
    415: "media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "unexpected",
    503: "unavailable",
}

Fields = tuple[tuple[str, str], ...]
"""Names of fields that were refused, each with the reason."""


class Problem(Exception):
    """An answer that is no success."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        fields: Fields = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code or _STATUS[status]
        self.detail = detail
        self.fields = fields
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """As it is sent."""
        document: dict[str, Any] = {
            "type": URN + self.code,
            "title": TITLES.get(self.code) or TITLES[_STATUS[self.status]],
            "status": self.status,
            "detail": self.detail,
        }
        if self.fields:
            document["errors"] = [{"field": name, "detail": text} for name, text in self.fields]
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(
            orjson.dumps(document), self.status, headers=headers, content_type=MEDIA_TYPE
        )


def challenge(status: int, code: str, detail: str, error: str = "", **more: str | int) -> Problem:
    """A refusal of the token, with the challenge that says what would do (RFC 6750 §3)."""
    parts = ['realm="einlass"']
    if error:
        parts += [f'error="{error}"', f'error_description="{detail}"']
    parts += [f'{name}="{value}"' for name, value in more.items()]
    return Problem(
        status, detail, code=code, headers={"WWW-Authenticate": f"Bearer {', '.join(parts)}"}
    )


def field_problem(name: str, detail: str, code: str | None = None) -> Problem:
    """422 about one field of the body."""
    return Problem(422, detail, code=code, fields=((name, detail),))


def fields_problem(wrong: Fields, *, status: int = 422) -> Problem:
    """The same about several fields."""
    text = wrong[0][1] if len(wrong) == 1 else f"{len(wrong)} fields are wrong; see errors."
    return Problem(status, text, fields=wrong)


@contextmanager
def about(name: str) -> Iterator[None]:
    """What a rule refuses with a bare ``ValueError`` is about this field."""
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise field_problem(name, sentence(error)) from None


_GONE = (
    UnknownTenant,
    UnknownMembership,
    UnknownClient,
    UnknownAccount,
    UnknownCase,
    UnknownKey,
    UnknownDelivery,
    UnknownRequest,
    UnknownImport,
    InvalidInvitation,
    NotAllowed,
)
_FIELDS: dict[type[Exception], str] = {
    InvalidEmail: "email",
    InvalidCustomerNumber: "customer_number",
    UnknownCatalogueEntry: "permissions",
    LegacyLoginRefused: "uri",
}
_LOGO = "This is no picture that can be taken: PNG, JPEG or WebP, 6,000 pixels a side at most."
_FORM_NAMES = {"cutover_date": "cutover_at"}
_CODES = {
    "admin-request-yours": "Nobody decides about their own request.",
    "admin-request-closed": "The request was decided, withdrawn, or has expired.",
    "admin-request-not-active": "The person is no active employee of the company any more.",
    "admin-request-consented": "An admin has consented already.",
    "admin-request-approved": "An operator has approved already.",
    "admin-request-both-words": "The same person cannot give both words.",
    "case-yours": "Nobody decides about their own case.",
    "case-closed": "The case was decided, withdrawn, or has expired.",
    "case-approved-already": "The same operator has approved already; it takes another one.",
    "bypass-hours-invalid": "A bypass can be used for 1 to 72 hours.",
    "bypass-phishing-resistant": "Only passkeys count here, so there is no bypass.",
    "bypass-not-active": "The person is not active in the company.",
    "bypass-not-bound": "The policy demands nothing of the person.",
    "app-password-age-invalid": "The age is 1 to 3650 days.",
}
"""What refusals without words of their own say."""


def problem_of(error: Exception) -> Problem | None:
    """What a service's refusal is to a program; None for a mistake of ours."""
    match error:
        case Problem():
            return error
        case _ if isinstance(error, _GONE):
            return Problem(404, "There is no such thing here, or none that this token may see.")
        case NotHeld() | OnlyAdmins():
            return Problem(403, sentence(error), code=error.code)
        case RequestRefused(retry_after=seconds) if seconds:
            return _later(seconds)
        case AppPasswordRefused():
            return field_problem(error.field, _CODES.get(error.code, error.code), error.code)
        case Refused():
            return Problem(409, _CODES.get(error.code) or sentence(error), code=error.code)
        case ActivationRefused():
            if not error.field:
                return Problem(409, sentence(error), code=error.code)
            return field_problem(
                _FORM_NAMES.get(error.field, error.field), sentence(error), error.code
            )
        case LogoRefused():
            return Problem(422, _LOGO, code=error.code)
        case FileRefused():
            return Problem(422, sentence(error), code=error.code)
        case LastAdmin() | LastSecret():
            return Problem(409, sentence(error), code=error.code)
        case CustomerNumberTaken():
            return Problem(409, sentence(error), code="customer-number-taken")
        case EmailTaken():
            return Problem(409, sentence(error), code="email-taken")
        case InvalidPolicy():
            return field_problem(error.field, sentence(error), error.code)
        case InvalidMetadata():
            return field_problem(error.member, sentence(error))
        case InvalidClaim():
            return field_problem("", sentence(error))
        case Throttled():
            return _later(error.retry_after)
        case StoreUnavailable() | DatabaseUnavailable() | PasswordsUnavailable():
            detail = "Nothing was changed. Try again shortly."
            return Problem(503, detail, headers={"Retry-After": "5"})
        case HTTPException():
            return _of_http(error)
    for kind, field in _FIELDS.items():
        if isinstance(error, kind):
            return field_problem(field, sentence(error))
    return None


def unexpected(reference: str) -> Problem:
    """A mistake of ours; the reference finds it in the log."""
    return Problem(500, f"The failure is in the log under {reference}.")


def is_asked_of_the_api() -> bool:
    """Whether the request is one of the API's, known route or not."""
    return request.path.startswith(ROOT)


def _later(seconds: int) -> Problem:
    detail = f"Too often. Try again in {seconds} seconds."
    return Problem(429, detail, headers={"Retry-After": str(seconds)})


def _of_http(error: HTTPException) -> Problem:
    code = error.code or 500
    if code not in _STATUS:
        code = 400 if code < 500 else 500
    allowed = {name: value for name, value in error.get_headers() if name == "Allow"}
    return Problem(code, _WORDS.get(code, f"{error.name}."), headers=allowed)


_WORDS = {
    404: "There is nothing at this address.",
    405: "The header Allow names the methods that this address knows.",
    413: "The body is longer than is read here.",
}


def sentence(error: Exception) -> str:
    """What the error says, as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
