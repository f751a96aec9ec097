"""The self-service pages about what a person proves themselves with; see ``account`` for the rest.

Forms post to their page's own address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from markupsafe import Markup

from idp.web.contexts.base import Me, Page

AddableKey = Literal["webauthn", "totp", "sms", "voice", "email"]


@dataclass(frozen=True, kw_only=True)
class AccountPage(Page):
    """Common to the self-service pages."""

    section: ClassVar[str] = ""

    me: Me


@dataclass(frozen=True, kw_only=True)
class DueFactor:
    """A company that wants a second factor until then, and none that counts is set up."""

    tenant_name: str
    deadline: datetime


@dataclass(frozen=True, kw_only=True)
class FactorRow:
    """One thing the person proves themselves with. ``name``: theirs, or the masked address.

    ``texts``: the number takes text messages; ``synced``, ``verified``, ``copied``: of a passkey;
    ``needed_by``: companies whose policy keeps it.
    """

    kind: Literal["passkey", "totp", "phone", "email"]
    name: str
    url: str
    created_at: datetime
    last_used_at: datetime | None = None
    texts: bool = False
    synced: bool = False
    verified: bool = False
    copied: bool = False
    needed_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountFactors(AccountPage):
    """``action`` = ``always`` | ``on-demand`` | ``turn-off``.

    ``demanded_by``: companies whose policy demands a second factor; ``opened``: the small form to
    show at once, after the sign-in it had to wait for; ``known``: what browsers are told of the
    account's passkeys, None where there are none.
    """

    template: ClassVar[str] = "account/factors.html"
    step: ClassVar[str] = "factors"
    section: ClassVar[str] = "factors"

    factors: tuple[FactorRow, ...] = ()
    addable: tuple[AddableKey, ...] = ()
    due: tuple[DueFactor, ...] = ()
    demanded_by: tuple[str, ...] = ()
    always: bool = False
    may_turn_off: bool = False
    recovery_codes_left: int = 0
    recovery_counts: bool = True
    password_changed_at: datetime | None = None
    opened: str = ""
    known: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class AccountFactor(AccountPage):
    """One factor: field ``name`` with ``action=rename``; ``action=remove``. ``last``: the only one.

    ``name`` is what is typed.
    """

    template: ClassVar[str] = "account/factor.html"
    step: ClassVar[str] = "factor"
    section: ClassVar[str] = "factors"

    factor: FactorRow
    name: str = ""
    last: bool = False


@dataclass(frozen=True, kw_only=True)
class AccountEnroll(AccountPage):
    """Set up an authenticator app: fields ``code`` and ``name``."""

    template: ClassVar[str] = "account/enroll.html"
    step: ClassVar[str] = "enroll"
    section: ClassVar[str] = "factors"

    qr: Markup
    secret: str
    otpauth_uri: str
    name: str = ""
    first: bool = False


@dataclass(frozen=True, kw_only=True)
class AccountAddPasskey(AccountPage):
    """Fields ``name`` and ``credential`` (filled in by ``static/passkey.js``)."""

    template: ClassVar[str] = "account/add_passkey.html"
    step: ClassVar[str] = "add-passkey"
    section: ClassVar[str] = "factors"

    passkey: Mapping[str, Any]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountAddPhone(AccountPage):
    """Fields ``phone_number`` and ``factor`` (``sms`` | ``voice``, of ``ways``); once a code is on
    its way to ``destination`` (masked) field ``code``, ``action`` = ``resend`` | ``number``.
    """

    template: ClassVar[str] = "account/add_phone.html"
    step: ClassVar[str] = "add-phone"
    section: ClassVar[str] = "factors"

    ways: tuple[str, ...] = ("sms", "voice")
    factor: str = "sms"
    phone_number: str = ""
    destination: str = ""
    outbox_url: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountAddEmail(AccountPage):
    """A button without fields; once a code is on its way field ``code``, ``action=resend``."""

    template: ClassVar[str] = "account/add_email.html"
    step: ClassVar[str] = "add-email"
    section: ClassVar[str] = "factors"

    sent: bool = False
    outbox_url: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountRecovery(AccountPage):
    """How many recovery codes are left; the form makes ten new ones."""

    template: ClassVar[str] = "account/recovery.html"
    step: ClassVar[str] = "recovery"
    section: ClassVar[str] = "factors"

    left: int = 0
    possible: bool = True


@dataclass(frozen=True, kw_only=True)
class AccountRecoveryCodes(AccountPage):
    """New codes, shown once; ``renewed`` when older ones have just died."""

    template: ClassVar[str] = "account/recovery_codes.html"
    step: ClassVar[str] = "recovery-codes"
    section: ClassVar[str] = "factors"
    languages: ClassVar[bool] = False

    codes: tuple[str, ...]
    renewed: bool = False
