"""The operators' console under ``/operator``: for now the queue of people who are locked out."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from idp.people.recovery.case_facts import Approval, SignIn
from idp.web.contexts.base import Me, Page

CaseStatus = Literal["open", "approved", "refused", "cancelled", "expired"]


@dataclass(frozen=True, kw_only=True)
class OperatorPage(Page):
    """Common to the console."""

    section: ClassVar[str]
    me: Me


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """A recovery case in a list; ``mine``: the operator looking has approved it."""

    id: str
    name: str
    email: str
    tenant_name: str
    customer_number: str
    created_at: datetime
    expires_at: datetime
    status: CaseStatus = "open"
    approvals: int = 0
    mine: bool = False
    closed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Cases(OperatorPage):
    """Those that wait, and those decided lately."""

    template: ClassVar[str] = "operator/cases.html"
    section: ClassVar[str] = "cases"
    step: ClassVar[str] = "cases"

    cases: tuple[CaseRow, ...] = ()
    closed: tuple[CaseRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case(OperatorPage):
    """Forms with hidden ``action``: ``approve`` (``note``), ``refuse`` (``reason``).

    ``own``: it is about the operator looking. ``deciders``: operators who may decide it.
    ``admin_since`` None: the person is no admin of the company.
    """

    template: ClassVar[str] = "operator/case.html"
    section: ClassVar[str] = "cases"
    step: ClassVar[str] = "case"

    row: CaseRow
    what: str
    contact: str
    ip: str
    network_known: bool = False
    member_since: datetime | None = None
    admin_since: datetime | None = None
    other_admins: int = 0
    members: int = 1
    account_created_at: datetime
    password_changed_at: datetime | None = None
    phone_number: str = ""
    sign_ins: tuple[SignIn, ...] = ()
    signed_in_since: datetime | None = None
    approvals: tuple[Approval, ...] = ()
    earlier: tuple[CaseRow, ...] = ()
    deciders: int = 2
    needed: int = 2
    own: bool = False
    closed_by: str = ""
    closing_reason: str = ""
    note: str = ""
    reason: str = ""
    failed: str = ""
    """The ``action`` whose form is shown again."""
