"""Companies as operators work with them: found, founded, their booking changed, their first admin.

Every change takes the actor and is refused to whoever is bound to one company.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from idp.accounts.models import Account
from idp.infra.database import db, transaction
from idp.people.actors import Actor
from idp.people.members.invitations import Invitations
from idp.people.models import Invitation
from idp.people.recovery.case_facts import name_of
from idp.tenants.catalogue import PRODUCTS, check_products
from idp.tenants.models import Membership, Tenant, TenantProduct
from idp.tenants.service import TenantService

PAGE = 50
MOST_ADMINS = 50


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company in the list; ``people``: those who belong to it, locked ones too."""

    customer_number: str
    name: str
    accounts_mode: str
    products: tuple[str, ...]
    people: int
    admins: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CompaniesPage:
    """A page of the list by customer number; ``next``: the number of its last row."""

    rows: tuple[CompanyRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class AdminFacts:
    """An admin of a company."""

    membership_id: str
    name: str
    email: str
    status: str
    last_sign_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Company:
    """One company with what operators ask about it."""

    tenant: Tenant
    products: tuple[str, ...]
    people: dict[str, int]
    """How many, by status."""
    admins: tuple[AdminFacts, ...]
    invited_admins: tuple[Invitation, ...]
    open_invitations: int


@dataclass(frozen=True, slots=True)
class BookingChange:
    """What another booking means. ``people``: active members who could open the product until
    now (lost) or can from now on (gained).
    """

    product: str
    gained: bool
    people: int


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """Whom a new company's invitation goes to."""

    email: str
    given_name: str
    family_name: str
    locale: str = "de"


class Companies:
    """Lists, founds and changes companies."""

    def __init__(self, tenants: TenantService, invitations: Invitations) -> None:
        self._tenants = tenants
        self._invitations = invitations

    def list(
        self,
        *,
        search: str = "",
        accounts_mode: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> CompaniesPage:
        """A page of the companies whose name or number is searched for; three queries."""
        found = self._tenants.list(
            search=_wanted(search), after=after, limit=limit + 1, accounts_mode=accounts_mode
        )
        shown = found[:limit]
        ids = [tenant.id for tenant in shown]
        products, counts = _booked(ids), _counted(ids)
        return CompaniesPage(
            rows=tuple(
                CompanyRow(
                    customer_number=tenant.customer_number,
                    name=tenant.name,
                    accounts_mode=tenant.accounts_mode,
                    products=_ordered(products.get(tenant.id, set())),
                    people=counts.get(tenant.id, (0, 0))[0],
                    admins=counts.get(tenant.id, (0, 0))[1],
                    created_at=tenant.created_at,
                )
                for tenant in shown
            ),
            next=shown[-1].customer_number if len(found) > limit else None,
        )

    def get(self, customer_number: str) -> Company:
        """One company; raises ``UnknownTenant``."""
        tenant = self._tenants.get_by_customer_number(customer_number)
        statuses = (
            select(Membership.status, func.count())
            .where(Membership.tenant_id == tenant.id, Membership.status != "removed")
            .group_by(Membership.status)
        )
        invited = self._invitations.list(tenant.id)
        return Company(
            tenant=tenant,
            products=tuple(self._tenants.products_of(tenant.id)),
            people=dict(db.session.execute(statuses).all()),
            admins=_admins(tenant.id),
            invited_admins=tuple(row for row in invited if row.role == "admin"),
            open_invitations=len(invited),
        )

    def found(
        self,
        actor: Actor,
        customer_number: str,
        name: str,
        *,
        products: Iterable[str],
        local: bool = False,
        admin: FirstAdmin | None = None,
    ) -> Tenant:
        """A new company and, at once, the invitation of its first admin.

        Raises ``InvalidCustomerNumber``, ``CustomerNumberTaken``, ``InvalidEmail``, and what
        ``Invitations.invite`` raises; then nothing is founded.
        """
        with transaction():
            actor.check_operator()
            tenant = self._tenants.create(
                customer_number, name, local=local, products=products, actor=actor.subject
            )
            if admin is not None:
                self.invite_admin(actor, tenant.id, admin)
        return tenant

    def invite_admin(self, actor: Actor, tenant_id: str, admin: FirstAdmin) -> Invitation:
        """Mail an invitation to become an admin there; see ``Invitations.invite``."""
        with transaction():
            actor.check_operator()
            return self._invitations.invite(
                tenant_id,
                actor,
                admin.email,
                admin.given_name,
                admin.family_name,
                role="admin",
                locale=admin.locale,
            )

    def rename(self, actor: Actor, tenant_id: str, name: str) -> Tenant:
        """Give the company another name; it is in every later mail and token."""
        with transaction():
            actor.check_operator()
            return self._tenants.update(tenant_id, name=name, actor=actor.subject)

    def what_if(self, tenant_id: str, products: Iterable[str]) -> Sequence[BookingChange]:
        """What booking exactly these would change, and for how many people."""
        wanted = set(check_products(products))
        booked = set(self._tenants.products_of(tenant_id))
        active = Membership.tenant_id == tenant_id, Membership.status == "active"
        unlimited = select(func.count()).where(*active, Membership.products.is_(None))
        everything = db.session.scalar(unlimited) or 0
        own = db.session.scalars(
            select(Membership.products).where(*active, Membership.products.is_not(None))
        ).all()
        return [
            BookingChange(
                product=product.key,
                gained=product.key in wanted,
                people=everything + sum(product.key in (some or ()) for some in own),
            )
            for product in PRODUCTS
            if product.key in wanted ^ booked
        ]

    def book(self, actor: Actor, tenant_id: str, products: Iterable[str]) -> None:
        """Book exactly these; who cannot open a product any more gets no new token for it."""
        with transaction():
            actor.check_operator()
            self._tenants.set_products(tenant_id, products, actor=actor.subject)


def _wanted(search: str) -> str:
    """A customer number as people write it becomes what is stored; other words stay."""
    text = search.strip()
    digits = text.removeprefix("D").removeprefix("d").replace(" ", "")
    return digits if digits.isascii() and digits.isdigit() else text


def _ordered(products: Collection[str]) -> tuple[str, ...]:
    return tuple(product.key for product in PRODUCTS if product.key in products)


def _booked(tenant_ids: Sequence[str]) -> dict[str, set[str]]:
    query = select(TenantProduct.tenant_id, TenantProduct.product).where(
        TenantProduct.tenant_id.in_(tenant_ids)
    )
    booked: dict[str, set[str]] = {}
    for tenant_id, product in db.session.execute(query):
        booked.setdefault(tenant_id, set()).add(product)
    return booked


def _counted(tenant_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """People and active admins of each company."""
    active_admin = (Membership.role == "admin") & (Membership.status == "active")
    query = (
        select(
            Membership.tenant_id,
            func.count(),
            func.count().filter(active_admin),
        )
        .where(Membership.tenant_id.in_(tenant_ids), Membership.status != "removed")
        .group_by(Membership.tenant_id)
    )
    return {tenant_id: (people, admins) for tenant_id, people, admins in db.session.execute(query)}


def _admins(tenant_id: str) -> tuple[AdminFacts, ...]:
    query = (
        select(Membership, Account)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.tenant_id == tenant_id,
            Membership.role == "admin",
            or_(Membership.status == "active", Membership.status == "locked"),
        )
        .order_by(Account.email)
        .limit(MOST_ADMINS)
    )
    return tuple(
        AdminFacts(
            membership_id=member.id,
            name=name_of(account),
            email=account.email,
            status=account.status if account.status != "active" else member.status,
            last_sign_in_at=member.last_sign_in_at,
        )
        for member, account in db.session.execute(query)
    )
