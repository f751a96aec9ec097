"""The pages of the hosted login, one per step; forms post to the page's own address.

``passkey`` is what ``static/passkey.js`` hands to the browser, as the server made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from markupsafe import Markup

from idp.web.contexts.base import Entering, Page, Progress, TenantChoice

FactorKey = Literal["webauthn", "totp", "sms", "voice", "email", "recovery_code"]


@dataclass(frozen=True, kw_only=True)
class LoginPage(Page):
    """Common to the login: what is entered, who is signing in (the chip), how far along."""

    entering: Entering | None = None
    email: str = ""
    progress: Progress | None = None


@dataclass(frozen=True, kw_only=True)
class Identify(LoginPage):
    """Fields ``email`` and ``credential``; ``action=register`` when ``may_register``.

    Notice ``other-account``: somebody else than who came was asked for. ``registering``: the
    address is to become an account's; ``action=sign-in`` leads back.
    """

    template: ClassVar[str] = "login/identify.html"
    step: ClassVar[str] = "identify"

    forgot_url: str = "/password/forgot"
    may_register: bool = False
    registering: bool = False
    passkey: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Passkey(LoginPage):
    """Field ``credential``; ``action=other-factor`` leads to the password, ``action=edit`` back."""

    template: ClassVar[str] = "login/passkey.html"
    step: ClassVar[str] = "passkey"

    passkey: Mapping[str, Any] | None = None
    may_use_password: bool = True
    forgot_url: str = "/password/forgot"
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Password(LoginPage):
    """Field ``password``; ``action=edit`` returns to the e-mail. ``again``: signed in already.

    ``action=other-factor`` leads to the passkey when ``may_use_passkey``.
    """

    template: ClassVar[str] = "login/password.html"
    step: ClassVar[str] = "password"

    forgot_url: str = "/password/forgot"
    may_use_passkey: bool = False
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Way:
    """Another way to confirm, or to set up: its factor, and where its code would go, masked.

    ``is_next``: ``action=other-factor`` leads there.
    """

    factor: FactorKey
    destination: str = ""
    is_next: bool = False


@dataclass(frozen=True, kw_only=True)
class SecondFactor(LoginPage):
    """Fields ``code`` or ``credential``, ``remember_device`` (``1``) and hidden ``factor``.

    ``action=other-factor`` leads to the next way; while ``listing``, ``use`` names any of
    ``others``. ``action=resend`` for a code that was sent to ``destination`` (masked),
    ``action=lost`` for who can use none. ``reason``: who asks for it. ``recovery_codes_left`` is
    stated when few are left. ``unsent``: no code is on its way.
    """

    template: ClassVar[str] = "login/second_factor.html"
    step: ClassVar[str] = "second-factor"

    factor: FactorKey = "totp"
    others: tuple[Way, ...] = ()
    listing: bool = False
    destination: str = ""
    unsent: bool = False
    outbox_url: str = ""
    passkey: Mapping[str, Any] | None = None
    remember_days: int = 0
    remember_checked: bool = False
    reason: Literal["", "policy", "self", "client", "request", "fresh"] = ""
    recovery_codes_left: int | None = None


@dataclass(frozen=True, kw_only=True)
class LostFactor(LoginPage):
    """Fields ``reason`` and, where an operator helps, ``contact``; ``action=back``.

    ``helper``: who can help; ``asked``: they know already.
    """

    template: ClassVar[str] = "login/lost_factor.html"
    step: ClassVar[str] = "lost-factor"

    tenant_name: str = ""
    recovery_codes: bool = False
    helper: Literal["", "admin", "operator", "nobody"] = ""
    asked: bool = False
    reason: str = ""
    contact: str = ""


@dataclass(frozen=True, kw_only=True)
class Enroll(LoginPage):
    """Forced set-up of ``factor``; ``use`` names any of ``others``, ``action=later`` when
    ``may_postpone``.

    The app: field ``code``, with a passkey beside it where ``passkey`` is set. A passkey: field
    ``credential``. A telephone: field ``phone_number``, then (``destination``, masked) ``code``,
    ``action=resend`` and ``action=number``. ``reason`` is who decided: the company's policy
    (``tenant_name``, ``since``, ``deadline``), the client being entered, or the person.
    """

    template: ClassVar[str] = "login/enroll.html"
    step: ClassVar[str] = "enroll"

    factor: FactorKey = "totp"
    others: tuple[Way, ...] = ()
    qr: Markup = field(default_factory=Markup)
    secret: str = ""
    otpauth_uri: str = ""
    passkey: Mapping[str, Any] | None = None
    destination: str = ""
    phone_number: str = ""
    outbox_url: str = ""
    reason: Literal["policy", "client", "request", "self"] = "policy"
    tenant_name: str = ""
    since: datetime | None = None
    deadline: datetime | None = None
    may_postpone: bool = False


@dataclass(frozen=True, kw_only=True)
class RecoveryCodes(LoginPage):
    """The codes, shown once; the main button continues."""

    template: ClassVar[str] = "login/recovery_codes.html"
    step: ClassVar[str] = "recovery-codes"
    languages: ClassVar[bool] = False

    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChooseTenant(LoginPage):
    """Buttons ``name=tenant`` with the customer number as value."""

    template: ClassVar[str] = "login/tenant.html"
    step: ClassVar[str] = "tenant"

    tenants: tuple[TenantChoice, ...]


@dataclass(frozen=True, kw_only=True)
class Halt(LoginPage):
    """A sign-in that cannot go on now. The unnamed main button tries again (re-reads the state),
    ``action=edit`` starts over with another account, ``action=cancel`` (when ``may_cancel``) goes
    back to the client with ``access_denied``."""

    template: ClassVar[str] = "login/halt.html"

    tenant_name: str = ""
    product_name: str = ""
    may_cancel: bool = False
    is_admin: bool = False


@dataclass(frozen=True, kw_only=True)
class Waiting(Halt):
    """The company's admin has not activated this person yet (T8)."""

    step: ClassVar[str] = "waiting"


@dataclass(frozen=True, kw_only=True)
class Locked(Halt):
    """The account (no ``tenant_name``) or the membership is locked."""

    step: ClassVar[str] = "locked"


@dataclass(frozen=True, kw_only=True)
class NotBooked(Halt):
    """The company has not booked the product, or the person was not given it."""

    step: ClassVar[str] = "not-booked"


@dataclass(frozen=True, kw_only=True)
class NoCompany(Halt):
    """The account belongs to no company (or not to the one whose client asks).

    ``tenant_names``: companies that know the person, and still sign in at the product itself.
    """

    step: ClassVar[str] = "join-company"

    tenant_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JoinCompany(Halt):
    """The account belongs to no company, and may name one: field ``customer_number``."""

    template: ClassVar[str] = "login/join_company.html"
    step: ClassVar[str] = "join-company"

    tenant_names: tuple[str, ...] = ()
    customer_number: str = "0"


@dataclass(frozen=True, kw_only=True)
class NoAllowedFactor(Halt):
    """A factor is demanded that cannot be set up here; ``action=later`` when ``may_postpone``.

    ``reason`` is who demands it.
    """

    step: ClassVar[str] = "no-allowed-factor"

    reason: Literal["policy", "client", "request", "self"] = "policy"
    deadline: datetime | None = None
    may_postpone: bool = False


@dataclass(frozen=True, kw_only=True)
class StillLocal(Halt):
    """Who is about to register belongs to companies that still sign in at the product itself.
    ``action=register`` makes the account all the same."""

    template: ClassVar[str] = "login/still_local.html"
    step: ClassVar[str] = "still-local"

    tenant_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Activate(LoginPage):
    """Companies move to central accounts and know this person; the main button links the account,
    ``action=later`` when ``may_postpone``, until ``deadline``."""

    template: ClassVar[str] = "login/activate.html"
    step: ClassVar[str] = "activate"

    tenant_names: tuple[str, ...]
    may_postpone: bool = False
    deadline: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TransactionGone(LoginPage):
    """A login that is over, unknown or another browser's. ``retry_url``: where to start anew."""

    template: ClassVar[str] = "login/gone.html"
    step: ClassVar[str] = "expired"
    status: ClassVar[int] = 400

    reason: Literal["expired", "unknown", "other-browser", "finished"] = "expired"
    retry_url: str = "/account"


@dataclass(frozen=True, kw_only=True)
class Consent(LoginPage):
    """A third-party client asks. Buttons ``action=allow|deny``. ``scopes`` are scope names.

    ``return_host``: the host the browser goes to next; ``subject``: whom the page was shown to.
    """

    template: ClassVar[str] = "consent/authorize.html"
    step: ClassVar[str] = "consent"

    entering: Entering
    scopes: tuple[str, ...]
    subject: str = ""
    return_host: str = ""
