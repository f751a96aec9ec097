"""The pages of the hosted login, one per step; forms post to the page's own address."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from markupsafe import Markup

from idp.web.contexts.base import Entering, Page, Progress, TenantChoice


@dataclass(frozen=True, kw_only=True)
class LoginPage(Page):
    """Common to the login: what is entered, who is signing in (the chip), how far along."""

    entering: Entering | None = None
    email: str = ""
    progress: Progress | None = None


@dataclass(frozen=True, kw_only=True)
class Identify(LoginPage):
    """Field ``email``. Notice ``other-account``: somebody else than who came was asked for."""

    template: ClassVar[str] = "login/identify.html"
    step: ClassVar[str] = "identify"

    forgot_url: str = "/password/forgot"
    register_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Password(LoginPage):
    """Field ``password``; ``action=edit`` returns to the e-mail. ``again``: signed in already."""

    template: ClassVar[str] = "login/password.html"
    step: ClassVar[str] = "password"

    forgot_url: str = "/password/forgot"
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class SecondFactor(LoginPage):
    """Fields ``code``, ``remember_device`` (``1``) and hidden ``factor``; ``action=other-factor``.

    ``reason``: who asks for it. ``recovery_codes_left`` is stated when few are left.
    """

    template: ClassVar[str] = "login/second_factor.html"
    step: ClassVar[str] = "second-factor"

    factor: Literal["totp", "recovery_code"] = "totp"
    has_other_factor: bool = True
    remember_days: int = 0
    remember_checked: bool = False
    reason: Literal["", "policy", "self", "client", "request", "fresh"] = ""
    recovery_codes_left: int | None = None


@dataclass(frozen=True, kw_only=True)
class Enroll(LoginPage):
    """Forced set-up of TOTP. Field ``code``; ``action=later`` when ``may_postpone``.

    ``reason`` is who decided: the company's policy (``tenant_name``, ``since``, ``deadline``), the
    client being entered, or the person themselves.
    """

    template: ClassVar[str] = "login/enroll.html"
    step: ClassVar[str] = "enroll"

    qr: Markup
    secret: str
    otpauth_uri: str
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
    """The account belongs to no company (or not to the one whose client asks)."""

    step: ClassVar[str] = "join-company"


@dataclass(frozen=True, kw_only=True)
class NoAllowedFactor(Halt):
    """A factor is demanded that cannot be set up here; ``action=later`` when ``may_postpone``."""

    step: ClassVar[str] = "no-allowed-factor"

    deadline: datetime | None = None
    may_postpone: bool = False


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
    account_name: str = ""
    return_host: str = ""
