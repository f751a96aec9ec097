"""The self-service pages under /account. Forms carry a hidden ``action`` and post to /account."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from markupsafe import Markup

from idp.web.contexts.base import Me, Page, Role


@dataclass(frozen=True, kw_only=True)
class Company:
    """A company the person belongs to. ``status`` as in ``core.person``; ``products``: names."""

    customer_number: str
    name: str
    role: Role
    status: str = "active"
    products: tuple[str, ...] = ()
    admin_url: str = ""


@dataclass(frozen=True, kw_only=True)
class ProductLink:
    """A product that a company of the person has given them, and where it is opened."""

    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """One signed-in browser. ``device``: "Firefox, Windows"; ``last_seen`` None when unknown."""

    sid: str
    device: str
    ip: str
    started_at: datetime
    last_seen: datetime | None = None
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class GrantedClient:
    """A client that was given access by consent."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    granted_at: datetime


@dataclass(frozen=True, kw_only=True)
class AccountPage(Page):
    """Common to the self-service pages."""

    me: Me


@dataclass(frozen=True, kw_only=True)
class AccountHome(AccountPage):
    """Forms: ``action`` = ``turn-off`` | ``renew-codes`` | ``end-session`` (+ ``sid``) |
    ``end-all-sessions`` | ``revoke-client`` (+ ``client_id``). Turning on links to
    /account/enroll, the password to /account/password.

    ``demanded_by``: companies whose policy demands a second factor, so it cannot be turned off.
    ``opened``: the small form to show at once, after the sign-in it had to wait for.
    """

    template: ClassVar[str] = "account/home.html"
    step: ClassVar[str] = "account"

    companies: tuple[Company, ...] = ()
    products: tuple[ProductLink, ...] = ()
    opened: str = ""
    has_second_factor: bool = False
    second_factor_since: datetime | None = None
    demanded_by: tuple[str, ...] = ()
    recovery_codes_left: int = 0
    password_changed_at: datetime | None = None
    sessions: tuple[SessionRow, ...] = ()
    clients: tuple[GrantedClient, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountEnroll(AccountPage):
    """Field ``code``; posts to its own address."""

    template: ClassVar[str] = "account/enroll.html"
    step: ClassVar[str] = "enroll"

    qr: Markup
    secret: str
    otpauth_uri: str


@dataclass(frozen=True, kw_only=True)
class AccountRecoveryCodes(AccountPage):
    """New codes, shown once; ``renewed`` when older ones have just died."""

    template: ClassVar[str] = "account/recovery_codes.html"
    step: ClassVar[str] = "recovery-codes"
    languages: ClassVar[bool] = False

    codes: tuple[str, ...]
    renewed: bool = False


@dataclass(frozen=True, kw_only=True)
class AccountPassword(AccountPage):
    """Fields ``password``, ``new_password``, ``repeat_password``."""

    template: ClassVar[str] = "account/password.html"
    step: ClassVar[str] = "change-password"
