"""Application passwords of one's own, leaving a company, deleting the account."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from idp.web.contexts.base import Page
from idp.web.contexts.own_factors import AccountPage


@dataclass(frozen=True, kw_only=True)
class AppPasswordRow:
    """One of them; ``product``: its name. ``state`` as in ``people.app_passwords``."""

    id: str
    product: str
    tenant_name: str
    comment: str
    created_at: datetime
    state: Literal["active", "expired", "forbidden", "closed"] = "active"
    ends_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used_ip: str = ""


@dataclass(frozen=True, kw_only=True)
class AppPasswordTarget:
    """What one can be made for: a product's name, with the company where there are several."""

    key: str
    product: str
    tenant_name: str = ""
    max_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class AccountAppPasswords(AccountPage):
    """The list; ``action=delete`` with ``id``. ``possible``: another one can be made."""

    template: ClassVar[str] = "account/app_passwords.html"
    step: ClassVar[str] = "app-passwords"
    section: ClassVar[str] = "app-passwords"

    rows: tuple[AppPasswordRow, ...] = ()
    possible: bool = True
    forbidden_by: tuple[str, ...] = ()
    several_companies: bool = False


@dataclass(frozen=True, kw_only=True)
class AccountAppPasswordNew(AccountPage):
    """Fields ``target``, ``comment``, ``days`` (empty: until it is deleted)."""

    template: ClassVar[str] = "account/app_password_new.html"
    step: ClassVar[str] = "new-app-password"
    section: ClassVar[str] = "app-passwords"

    targets: tuple[AppPasswordTarget, ...] = ()
    target: str = ""
    comment: str = ""
    days: str = ""
    lifetimes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountAppPasswordMade(AccountPage):
    """The password, this one time."""

    template: ClassVar[str] = "account/app_password_made.html"
    step: ClassVar[str] = "app-password-made"
    section: ClassVar[str] = "app-passwords"
    languages: ClassVar[bool] = False

    password: str
    product: str
    tenant_name: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class AccountLeave(AccountPage):
    """Leave one company; ``last_admin``: that is not possible; ``signs_out``: here as well."""

    template: ClassVar[str] = "account/leave.html"
    step: ClassVar[str] = "leave-company"
    section: ClassVar[str] = "home"

    tenant_name: str
    products: tuple[str, ...] = ()
    last_admin: bool = False
    signs_out: bool = False
    people_url: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountDelete(AccountPage):
    """Field ``email``. ``stays_for``: companies (name, people page) without another admin."""

    template: ClassVar[str] = "account/delete.html"
    step: ClassVar[str] = "delete-account"
    section: ClassVar[str] = "profile"

    companies: tuple[str, ...] = ()
    stays_for: tuple[tuple[str, str], ...] = ()
    app_passwords: int = 0
    sessions: int = 1
    operator: bool = False
    email: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountDeleted(Page):
    """It is gone; ``email``: where the farewell was sent."""

    template: ClassVar[str] = "account/deleted.html"
    step: ClassVar[str] = "account-deleted"
    languages: ClassVar[bool] = False

    email: str
