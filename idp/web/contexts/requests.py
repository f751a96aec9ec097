"""Requests to become an admin, as the person, the company's admins and operators see them (T7); and
which products were told of a lock or a removal (T4).
"""

from dataclasses import dataclass
from typing import ClassVar

from idp.people.admin_requests.rows import RequestRow
from idp.people.members.told import ToldRow
from idp.web.contexts.admin import AdminPage
from idp.web.contexts.operator import OperatorPage
from idp.web.contexts.own_factors import AccountPage


@dataclass(frozen=True, kw_only=True)
class AccountAdminRequest(AccountPage):
    """Forms with hidden ``action``: ``ask`` (``reason``), ``withdraw``. ``row``: the latest one;
    ``admins``: who would have to consent.
    """

    template: ClassVar[str] = "account/admin_request.html"
    step: ClassVar[str] = "admin-request"
    section: ClassVar[str] = "home"

    tenant_name: str
    row: RequestRow | None = None
    admins: int = 0
    reason: str = ""
    days: int = 30


@dataclass(frozen=True, kw_only=True)
class AdminRequests(AdminPage):
    """Forms with hidden ``request`` and ``action``: ``consent``, ``refuse`` (``reason``).

    ``failed``: the request whose form is shown again; ``me``: the subject of who is looking.
    """

    template: ClassVar[str] = "admin/requests.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "admin-requests"

    rows: tuple[RequestRow, ...] = ()
    me_subject: str = ""
    failed: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Told(AdminPage):
    """Who was told. Form with hidden ``action=tell-again``."""

    template: ClassVar[str] = "admin/told.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "told"

    person_id: str
    person_name: str
    told: tuple[ToldRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorRequests(OperatorPage):
    """Those that wait, and those decided lately."""

    template: ClassVar[str] = "operator/requests.html"
    section: ClassVar[str] = "requests"
    step: ClassVar[str] = "admin-requests"

    rows: tuple[RequestRow, ...] = ()
    closed: tuple[RequestRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorRequest(OperatorPage):
    """Forms with hidden ``action``: ``approve`` (``note``), ``refuse`` (``reason``). ``own``: it is
    the looking operator's; ``consented_self``: they have consented as an admin already.
    """

    template: ClassVar[str] = "operator/request.html"
    section: ClassVar[str] = "requests"
    step: ClassVar[str] = "admin-request"

    row: RequestRow
    own: bool = False
    consented_self: bool = False
    note: str = ""
    reason: str = ""
    failed: str = ""
