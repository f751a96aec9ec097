"""The operators' console: companies. A company is at ``/operator/companies/<customer number>``."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.web.contexts.admin import InvitationRow
from idp.web.contexts.operator import OperatorPage


@dataclass(frozen=True, kw_only=True)
class ProductChoice:
    """A product of the catalogue; ``label`` is a msgid."""

    key: str
    label: str
    checked: bool = False


@dataclass(frozen=True, kw_only=True)
class CompanyListRow:
    """A company in the list; ``products``: msgids."""

    customer_number: str
    name: str
    local: bool = False
    products: tuple[str, ...] = ()
    people: int = 0
    admins: int = 0


@dataclass(frozen=True, kw_only=True)
class OperatorCompanies(OperatorPage):
    """Search by GET ``q`` and ``accounts`` (``|central|local``)."""

    template: ClassVar[str] = "operator/companies.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "companies"

    companies: tuple[CompanyListRow, ...] = ()
    query: str = ""
    accounts: str = ""
    next_url: str = ""
    first_url: str = ""


@dataclass(frozen=True, kw_only=True)
class OperatorCompanyNew(OperatorPage):
    """Fields ``customer_number``, ``name``, ``product`` (many), ``accounts`` (``central|local``),
    ``email``, ``given_name``, ``family_name``, ``locale``: the last four for the first admin.
    """

    template: ClassVar[str] = "operator/company_new.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "company-new"

    customer_number: str = "0"
    name: str = ""
    products: tuple[ProductChoice, ...] = ()
    accounts: str = "central"
    email: str = ""
    given_name: str = ""
    family_name: str = ""
    locale: str = "de"


@dataclass(frozen=True, kw_only=True)
class CompanyAdminRow:
    """An admin of a company."""

    name: str
    email: str
    status: str = "active"
    last_sign_in: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BookingRow:
    """A product that would be booked or not any more, and for how many people that matters."""

    label: str
    gained: bool
    people: int


@dataclass(frozen=True, kw_only=True)
class OperatorCompany(OperatorPage):
    """Forms with hidden ``action``: ``rename`` (``name``), ``products`` (``product``, many; leads
    to ``OperatorBooking``), ``invite`` (as in the form for a new one), and beside ``invitation``
    ``resend`` or ``revoke``.
    """

    template: ClassVar[str] = "operator/company.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "company"

    base: str
    customer_number: str
    name: str
    created_at: datetime
    local: bool = False
    activated_at: datetime | None = None
    cutover_at: datetime | None = None
    products: tuple[ProductChoice, ...] = ()
    people: int = 0
    locked: int = 0
    waiting: int = 0
    admins: tuple[CompanyAdminRow, ...] = ()
    invitations: tuple[InvitationRow, ...] = ()
    open_invitations: int = 0
    mfa: str = "admins"
    factors: tuple[str, ...] = ()
    failed: str = ""
    """The ``action`` whose form is shown again."""
    typed_name: str = ""
    email: str = ""
    given_name: str = ""
    family_name: str = ""
    locale: str = "de"


@dataclass(frozen=True, kw_only=True)
class OperatorBooking(OperatorPage):
    """What another booking means; the form posts ``action=book`` and the same products."""

    template: ClassVar[str] = "operator/booking.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "booking"
    languages: ClassVar[bool] = False

    base: str
    name: str
    products: tuple[str, ...] = ()
    changes: tuple[BookingRow, ...] = ()
