"""The self-service pages under /account. Forms post to their page's own address.

``section`` is the entry of the navigation; where a page has several small forms, each carries a
hidden ``action``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from idp.web.contexts.base import Role
from idp.web.contexts.own_factors import AccountPage, DueFactor, FactorRow


@dataclass(frozen=True, kw_only=True)
class Company:
    """A company the person belongs to. ``status`` as in ``core.person``; ``products``: names."""

    customer_number: str
    name: str
    role: Role
    status: str = "active"
    products: tuple[str, ...] = ()
    admin_url: str = ""
    write_url: str = ""
    admin_request_url: str = ""


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
    tenant_name: str = ""


@dataclass(frozen=True, kw_only=True)
class DeviceRow:
    """A browser that may skip the second factor until then."""

    id: str
    device: str
    ip: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class GrantedClient:
    """A client that was given access by consent."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    granted_at: datetime


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """Something that happened to the account. ``event`` as in ``web.event_words``.

    ``what``: the factor's own name or masked address; ``factors`` are those proven or changed.
    """

    at: datetime
    event: str
    succeeded: bool = True
    by: Literal["self", "admin", "operator", ""] = "self"
    ip: str = ""
    device: str = ""
    tenant_name: str = ""
    client_name: str = ""
    factors: tuple[str, ...] = ()
    what: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountHome(AccountPage):
    """Where everything begins: products, companies, and what protects the account."""

    template: ClassVar[str] = "account/home.html"
    step: ClassVar[str] = "account"
    section: ClassVar[str] = "home"

    companies: tuple[Company, ...] = ()
    products: tuple[ProductLink, ...] = ()
    due: tuple[DueFactor, ...] = ()
    factors: tuple[FactorRow, ...] = ()
    recovery_codes_left: int = 0
    recovery_counts: bool = True
    password_changed_at: datetime | None = None
    session_count: int = 1
    may_join: bool = True


@dataclass(frozen=True, kw_only=True)
class AccountProfile(AccountPage):
    """Fields ``language`` and ``zone``. Names and telephone are changed at /account/profile/edit.

    ``zones``: (area, ((zone, city), …)).
    """

    template: ClassVar[str] = "account/profile.html"
    step: ClassVar[str] = "profile"
    section: ClassVar[str] = "profile"

    phone_number: str = ""
    language: str = "en"
    zone: str = ""
    zones: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountProfileEdit(AccountPage):
    """Fields ``given_name``, ``family_name``, ``phone_number``."""

    template: ClassVar[str] = "account/profile_edit.html"
    step: ClassVar[str] = "profile-edit"
    section: ClassVar[str] = "profile"

    given_name: str = ""
    family_name: str = ""
    phone_number: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountDevices(AccountPage):
    """``action`` = ``end-session`` (+ ``sid``) | ``end-all-sessions`` | ``forget-device`` (+
    ``device``) | ``forget-devices``.
    """

    template: ClassVar[str] = "account/devices.html"
    step: ClassVar[str] = "devices"
    section: ClassVar[str] = "devices"

    sessions: tuple[SessionRow, ...] = ()
    devices: tuple[DeviceRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountHistory(AccountPage):
    """The newest first; ``older_url`` leads on, ``is_first`` tells the first page."""

    template: ClassVar[str] = "account/history.html"
    step: ClassVar[str] = "history"
    section: ClassVar[str] = "history"

    rows: tuple[HistoryRow, ...] = ()
    older_url: str = ""
    is_first: bool = True


@dataclass(frozen=True, kw_only=True)
class AccountClients(AccountPage):
    """``action=revoke-client`` with ``client_id``."""

    template: ClassVar[str] = "account/clients.html"
    step: ClassVar[str] = "clients"
    section: ClassVar[str] = "clients"

    clients: tuple[GrantedClient, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountWrite(AccountPage):
    """A letter to a company's admins: field ``text``. ``readable``: somebody will read it."""

    template: ClassVar[str] = "account/write.html"
    step: ClassVar[str] = "write"
    section: ClassVar[str] = "home"

    tenant_name: str
    text: str = ""
    readable: bool = True


@dataclass(frozen=True, kw_only=True)
class AccountJoin(AccountPage):
    """Join a company: field ``customer_number``."""

    template: ClassVar[str] = "account/join.html"
    step: ClassVar[str] = "join-company"
    section: ClassVar[str] = "home"

    customer_number: str = "0"


@dataclass(frozen=True, kw_only=True)
class AccountPassword(AccountPage):
    """Fields ``password``, ``new_password``, ``repeat_password``."""

    template: ClassVar[str] = "account/password.html"
    step: ClassVar[str] = "change-password"
    section: ClassVar[str] = "factors"
