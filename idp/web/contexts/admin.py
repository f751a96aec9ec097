"""A company admin's console. ``AdminFrame.base`` is the console's root
(``/admin/<customer number>``): the overview itself, and below it ``/people``, ``/people/invite``,
``/people/<id>``, ``/policy``, ``/clients``, ``/clients/new``, ``/clients/<client_id>``."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.tenants.catalogue import console_rights
from idp.web.contexts.base import Me, Page, Role, TenantChoice

CONSOLE_RIGHTS = console_rights("admin", ())
"""What an admin may do in the console."""


@dataclass(frozen=True, kw_only=True)
class AdminFrame:
    """The company being administered, and the others this person may switch to (with ``url``)."""

    me: Me
    tenant_name: str
    customer_number: str
    tenants: tuple[TenantChoice, ...] = ()
    base: str = "/admin"
    is_admin: bool = True
    rights: frozenset[str] = CONSOLE_RIGHTS
    """What a helper of the admin may use of the console (``tenants.catalogue``)."""


@dataclass(frozen=True, kw_only=True)
class AdminPage(Page):
    """Common to the console."""

    section: ClassVar[str]
    frame: AdminFrame


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """A member. ``factors``: the kinds set up; ``second_factor``: one of them counts;
    ``must_have``: the policy binds them, until ``deadline`` at the latest. ``helper``: an employee
    who may use a part of the console.
    """

    id: str
    name: str
    email: str
    role: Role
    status: str = "active"
    second_factor: bool = False
    must_have: bool = False
    factors: tuple[str, ...] = ()
    deadline: datetime | None = None
    last_sign_in: datetime | None = None
    helper: bool = False


@dataclass(frozen=True, kw_only=True)
class WaitingRow:
    """Somebody who named the company's customer number and is not let in yet (T8)."""

    id: str
    name: str
    email: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class InvitationRow:
    """An invitation that is not accepted yet."""

    id: str
    name: str
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    expired: bool = False


@dataclass(frozen=True, kw_only=True)
class PermissionChoice:
    """An entry of the catalogue; ``label`` and ``description`` are msgids. ``held``: whether who
    looks may grant and withdraw it.
    """

    key: str
    label: str
    description: str = ""
    checked: bool = False
    held: bool = True


@dataclass(frozen=True, kw_only=True)
class PermissionGroup:
    """``label``, ``product``: msgids. A checked ``permission_group=<key>`` means all of it."""

    key: str
    label: str
    product: str = ""
    permissions: tuple[PermissionChoice, ...]
