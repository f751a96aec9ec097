"""A company admin's console. ``AdminFrame.base`` is the console's root
(``/admin/<customer number>``): the overview itself, and below it ``/people``, ``/people/invite``,
``/people/<id>``, ``/policy``, ``/clients``, ``/clients/new``, ``/clients/<client_id>``."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

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
    ``must_have``: the policy binds them, until ``deadline`` at the latest.
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
class People(AdminPage):
    """Search by GET ``q``. Invitation rows post hidden ``invitation`` and ``action=resend|revoke``
    to ``{base}/people``."""

    template: ClassVar[str] = "admin/people.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "people"

    people: tuple[PersonRow, ...] = ()
    waiting: tuple[WaitingRow, ...] = ()
    invitations: tuple[InvitationRow, ...] = ()
    query: str = ""
    total: int | None = None
    next_url: str = ""
    first_url: str = ""


@dataclass(frozen=True, kw_only=True)
class PermissionChoice:
    """An entry of the catalogue; ``label`` and ``description`` are msgids."""

    key: str
    label: str
    description: str = ""
    checked: bool = False


@dataclass(frozen=True, kw_only=True)
class PermissionGroup:
    """``label``, ``product``: msgids. A checked ``permission_group=<key>`` means all of it."""

    key: str
    label: str
    product: str = ""
    permissions: tuple[PermissionChoice, ...]


@dataclass(frozen=True, kw_only=True)
class Invite(AdminPage):
    """Fields ``salutation`` (``""|ms|mr``), ``given_name``, ``family_name``, ``email``, ``role``,
    ``permission`` (many), ``permission_group`` (many)."""

    template: ClassVar[str] = "admin/invite.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "invite"

    salutation: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    role: Role = "employee"
    groups: tuple[PermissionGroup, ...] = ()
    days: int = 7


@dataclass(frozen=True, kw_only=True)
class PersonDetail(AdminPage):
    """Forms with hidden ``action``: ``role`` (``role``), ``permissions`` (as in Invite), ``admit``
    (of one who waits), ``lock`` | ``unlock`` | ``reset-factors`` (``reason``), ``remove``
    (``reason``, ``confirm_name``)."""

    template: ClassVar[str] = "admin/person.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "person"

    person: PersonRow
    groups: tuple[PermissionGroup, ...] = ()
    member_since: datetime | None = None
    session_count: int = 0
    other_companies: int = 0
    is_self: bool = False
    is_last_admin: bool = False
    may_bypass: bool = False
    bypass_until: datetime | None = None
    reminded_at: datetime | None = None
    hours: int | str = 24
    failed: str = ""
    """The ``action`` whose errors are shown."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientRow:
    """A client of the company."""

    client_id: str
    name: str
    redirect_uri: str = ""
    created_at: datetime | None = None
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class Clients(AdminPage):
    """The company's own clients."""

    template: ClassVar[str] = "admin/clients.html"
    section: ClassVar[str] = "clients"
    step: ClassVar[str] = "clients"

    clients: tuple[ClientRow, ...] = ()
    discovery_url: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientForm(AdminPage):
    """Fields ``client_name``, ``kind`` (``web|browser|native|service``), ``redirect_uris`` and
    ``post_logout_redirect_uris`` (one a line), ``backchannel_logout_uri``, ``offline_access``
    (``1``), ``policy_uri``, ``tos_uri``, ``require_second_factor`` (``1``)."""

    template: ClassVar[str] = "admin/client_form.html"
    section: ClassVar[str] = "clients"
    step: ClassVar[str] = "client-form"

    client_name: str = ""
    kind: Literal["web", "browser", "native", "service"] = "web"
    redirect_uris: str = ""
    post_logout_redirect_uris: str = ""
    backchannel_logout_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    offline_access: bool = False
    require_second_factor: bool = False


@dataclass(frozen=True, kw_only=True)
class ClientCreated(AdminPage):
    """The secret is shown this once; also after rotation (``rotated``, ``old_until``)."""

    template: ClassVar[str] = "admin/client_created.html"
    section: ClassVar[str] = "clients"
    step: ClassVar[str] = "client-created"
    languages: ClassVar[bool] = False

    client_id: str
    client_name: str
    secret: str = ""
    discovery_url: str
    rotated: bool = False
    old_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SecretRow:
    """A client secret, without the secret."""

    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ClientDetail(AdminPage):
    """Forms: ``action=rotate-secret`` (``overlap_hours``) and ``action=delete``
    (``confirm_name``), both hidden fields."""

    template: ClassVar[str] = "admin/client.html"
    section: ClassVar[str] = "clients"
    step: ClassVar[str] = "client"

    client_id: str
    client_name: str
    discovery_url: str
    auth_method: str = "client_secret_basic"
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    scope: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    secrets: tuple[SecretRow, ...] = ()
