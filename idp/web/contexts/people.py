"""The people of a company in its console: the list, invitations, one person, many at once."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from idp.people.log.change_log import LogRow
from idp.web.contexts.admin import (
    AdminPage,
    InvitationRow,
    PermissionGroup,
    PersonRow,
    WaitingRow,
)
from idp.web.contexts.base import Role


@dataclass(frozen=True, kw_only=True)
class SortLink:
    """The head of a column: where a click leads, and which way it is sorted now."""

    url: str = ""
    sorted: Literal["", "ascending", "descending"] = ""


@dataclass(frozen=True, kw_only=True)
class PeoplePage(AdminPage):
    """Common to the pages about people."""

    section: ClassVar[str] = "people"


@dataclass(frozen=True, kw_only=True)
class People(PeoplePage):
    """Search and filters by GET ``q``, ``status``, ``role``, ``factor``, ``sort`` (a hyphen before
    it turns it round), ``size``, ``after``. Invitation rows post hidden ``invitation`` and
    ``action=resend|revoke`` to ``{base}/people``; the list posts ``person`` (many), ``list`` and
    ``action`` to ``{base}/people/selected``. ``state`` is the address's query of this view.
    """

    template: ClassVar[str] = "admin/people.html"
    step: ClassVar[str] = "people"

    people: tuple[PersonRow, ...] = ()
    waiting: tuple[WaitingRow, ...] = ()
    invitations: tuple[InvitationRow, ...] = ()
    invitation_count: int = 0
    expired_count: int = 0
    unsent_count: int = 0
    query: str = ""
    only_status: str = ""
    only_role: str = ""
    only_factor: str = ""
    sort: str = "name"
    size: int = 50
    filtered: bool = False
    sorts: dict[str, SortLink] = field(default_factory=dict)
    sizes: tuple[tuple[int, str], ...] = ()
    state: str = ""
    selected: frozenset[str] = frozenset()
    total: int | None = None
    next_url: str = ""
    first_url: str = ""
    export_url: str = ""


@dataclass(frozen=True, kw_only=True)
class SelectedRow:
    """One of those selected; ``refused`` is the code of why nothing is done to them."""

    id: str
    name: str
    email: str
    refused: str = ""
    sessions: int = 0


@dataclass(frozen=True, kw_only=True)
class SelectedPeople(PeoplePage):
    """What is about to be done to several people. Posts the same with ``confirm=1`` and, to lock
    or unlock, ``reason``. ``tried``: it was done, but not to these.
    """

    template: ClassVar[str] = "admin/selected.html"
    step: ClassVar[str] = "people-selected"
    languages: ClassVar[bool] = False

    action: Literal["lock", "unlock", "remind"]
    touched: tuple[SelectedRow, ...] = ()
    refused: tuple[SelectedRow, ...] = ()
    sessions: int = 0
    reason: str = ""
    state: str = ""
    back_url: str = ""
    tried: bool = False


@dataclass(frozen=True, kw_only=True)
class Invitations(PeoplePage):
    """Open invitations: ``state`` is ``sent``, ``valid``, ``expired`` or ``unsent``; each row posts
    as on the list of people, to ``{base}/people/invitations``."""

    template: ClassVar[str] = "admin/invitations.html"
    step: ClassVar[str] = "invitations"

    invitations: tuple[InvitationRow, ...] = ()
    state: str = "sent"
    query: str = ""
    valid: int = 0
    expired: int = 0
    unsent: int = 0
    local: bool = False
    next_url: str = ""
    first_url: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenProduct:
    """A product the company has booked; ``open``: to the person. ``held``: see permissions."""

    key: str
    label: str
    open: bool = True
    held: bool = True


@dataclass(frozen=True, kw_only=True)
class NotGiven:
    """What somebody does not get whom a helper lets in, as msgids: the helper has it not."""

    permissions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Invite(PeoplePage):
    """Fields ``salutation`` (``""|ms|mr``), ``given_name``, ``family_name``, ``email``, ``role``,
    ``permission`` (many), ``permission_group`` (many), ``products`` (``all|some``), ``product``
    (many). ``may_open_all``: who invites can open every product that is booked.
    """

    template: ClassVar[str] = "admin/invite.html"
    step: ClassVar[str] = "invite"

    salutation: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    role: Role = "employee"
    groups: tuple[PermissionGroup, ...] = ()
    products: tuple[OpenProduct, ...] = ()
    some_products: bool = False
    may_open_all: bool = True
    not_given: NotGiven = NotGiven()
    days: int = 7


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """What a lock or a removal ends at once. ``devices``: names of the browsers signed in;
    ``told``: products told of it; ``untold``: those that find out by themselves, within minutes.
    """

    sessions: int = 0
    devices: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    app_passwords: int = 0


@dataclass(frozen=True, kw_only=True)
class PersonDetail(PeoplePage):
    """Forms with hidden ``action``: ``role`` (``role``), ``permissions`` and ``products`` (as in
    Invite), ``admit`` (of one who waits), ``lock`` | ``unlock`` | ``reset-factors`` (``reason``),
    ``remove`` (``reason``, ``confirm_name``). ``hands_off`` is the code of why who looks cannot
    change this person.
    """

    template: ClassVar[str] = "admin/person.html"
    step: ClassVar[str] = "person"

    person: PersonRow
    groups: tuple[PermissionGroup, ...] = ()
    products: tuple[OpenProduct, ...] = ()
    some_products: bool = False
    may_open_all: bool = True
    not_given: NotGiven = NotGiven()
    """To one who is not in yet."""
    member_since: datetime | None = None
    session_count: int = 0
    other_companies: int = 0
    is_self: bool = False
    is_last_admin: bool = False
    account_locked: bool = False
    hands_off: str = ""
    may_bypass: bool = False
    bypass_until: datetime | None = None
    reminded_at: datetime | None = None
    role: str = ""
    """The role that is ticked; empty: the present one."""
    hours: int | str = 24
    ends: Consequences = Consequences()
    told: tuple[Any, ...] = ()
    """Rows of ``people.members.told``, as its macro takes them."""
    changes: tuple[LogRow, ...] = ()
    log_url: str = ""
    failed: str = ""
    """The ``action`` whose errors are shown, or that was typed before a sign-in."""
    reason: str = ""
    confirm_name: str = ""
