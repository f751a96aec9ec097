"""Companies: create, find, book products, and rule over their MFA policy."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import IntegrityError

from idp.core.clock import Clock
from idp.core.person import Policy
from idp.core.randomness import Randomness
from idp.core.vocabulary import SECOND_FACTORS, Factor
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.folded import naming
from idp.tenants.catalogue import PRODUCTS, check_products
from idp.tenants.customer_number import InvalidCustomerNumber, parse_customer_number
from idp.tenants.errors import (
    CustomerNumberTaken,
    LastAdmin,
    UnknownMembership,
    UnknownTenant,
)
from idp.tenants.memberships import Memberships
from idp.tenants.models import Tenant, TenantProduct
from idp.tenants.policy import build_policy, policy_of

__all__ = [
    "CustomerNumberTaken",
    "LastAdmin",
    "TenantService",
    "UnknownMembership",
    "UnknownTenant",
]


class TenantService:
    """Everything about a company; its members are under ``memberships``."""

    def __init__(
        self, clock: Clock, randomness: Randomness, audit: Audit, store: EphemeralStore
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._store = store
        self.memberships = Memberships(clock, randomness, audit)
        self.available_factors: frozenset[Factor] = SECOND_FACTORS
        """Which second factors this installation has: set from above."""

    def create(
        self,
        customer_number: str,
        name: str,
        *,
        local: bool = False,
        products: Iterable[str] | None = None,
        accent: str | None = None,
        actor: str | None = None,
    ) -> Tenant:
        """A new company; it has booked every product unless told otherwise."""
        number = parse_customer_number(customer_number)
        booked = check_products(
            [product.key for product in PRODUCTS] if products is None else products
        )
        tenant = Tenant(
            id=self._randomness.uuid(),
            customer_number=number,
            name=_name(name),
            accent=accent,
            accounts_mode="local" if local else "central",
            mfa_factors=[str(factor) for factor in Policy().factors],
            created_at=self._clock.now(),
        )
        try:
            with transaction() as session:
                session.add(tenant)
                session.flush()
                for product in booked:
                    session.add(TenantProduct(tenant_id=tenant.id, product=product))
                self._record("tenant.created", tenant, actor, {"products": booked})
        except IntegrityError as error:
            raise CustomerNumberTaken from error
        return tenant

    def get(self, tenant_id: str) -> Tenant:
        """The company with that id; raises ``UnknownTenant``."""
        tenant = db.session.get(Tenant, tenant_id)
        if tenant is None:
            raise UnknownTenant
        return tenant

    def find_by_customer_number(self, customer_number: str) -> Tenant | None:
        """The company of that number, however it is written."""
        try:
            number = parse_customer_number(customer_number)
        except InvalidCustomerNumber:
            return None
        return db.session.scalar(select(Tenant).where(Tenant.customer_number == number))

    def get_by_customer_number(self, customer_number: str) -> Tenant:
        """The same; raises ``UnknownTenant``."""
        tenant = self.find_by_customer_number(customer_number)
        if tenant is None:
            raise UnknownTenant
        return tenant

    def list(
        self,
        *,
        search: str = "",
        after: str | None = None,
        limit: int = 500,
        accounts_mode: str | None = None,
    ) -> list[Tenant]:
        """Companies by customer number; ``after`` is the number of the last one seen."""
        query = select(Tenant).order_by(Tenant.customer_number).limit(limit)
        if accounts_mode is not None:
            query = query.where(Tenant.accounts_mode == accounts_mode)
        if after is not None:
            query = query.where(Tenant.customer_number > after)
        if search:
            wanted = naming(Tenant.search_text, search)
            query = query.where(
                or_(wanted, Tenant.customer_number.startswith(search, autoescape=True))
            )
        return list(db.session.scalars(query))

    def products_of(self, tenant_id: str) -> Sequence[str]:
        """The products booked, in the catalogue's order."""
        query = select(TenantProduct.product).where(TenantProduct.tenant_id == tenant_id)
        booked = set(db.session.scalars(query))
        return [product.key for product in PRODUCTS if product.key in booked]

    def set_products(
        self, tenant_id: str, products: Iterable[str], *, actor: str | None = None
    ) -> None:
        """Replace what is booked; it holds from the next token on."""
        wanted = check_products(products)
        with transaction() as session:
            tenant = self.get(tenant_id)
            session.execute(delete(TenantProduct).where(TenantProduct.tenant_id == tenant_id))
            for product in wanted:
                session.add(TenantProduct(tenant_id=tenant_id, product=product))
            self._record("tenant.products", tenant, actor, {"products": wanted})

    def update(
        self,
        tenant_id: str,
        *,
        name: str | None = None,
        accent: str | None = None,
        logo_uri: str | None = None,
        actor: str | None = None,
    ) -> Tenant:
        """Change the name or the looks; what is None stays."""
        with transaction():
            tenant = self.get(tenant_id)
            changes = {"accent": accent, "logo_uri": logo_uri}
            if name is not None:
                changes["name"] = _name(name)
            for field, value in changes.items():
                if value is not None:
                    setattr(tenant, field, value)
            changed = sorted(field for field, value in changes.items() if value is not None)
            self._record("tenant.changed", tenant, actor, {"members": changed})
        return tenant

    def set_looks(
        self,
        tenant_id: str,
        *,
        accent: str | None,
        logo_uri: str | None,
        actor: str | None = None,
    ) -> Tenant:
        """Replace colour and logo; None is our own."""
        with transaction():
            tenant = self.get(tenant_id)
            wanted = {"accent": accent, "logo_uri": logo_uri}
            changed = [name for name, value in wanted.items() if getattr(tenant, name) != value]
            tenant.accent, tenant.logo_uri = accent, logo_uri
            if changed:
                self._record("tenant.changed", tenant, actor, {"members": changed})
        return tenant

    # The MFA policy

    def policy(self, tenant_id: str) -> Policy:
        """The company's MFA policy as stored now."""
        return policy_of(self.get(tenant_id))

    def set_policy(
        self,
        tenant_id: str,
        *,
        mfa: str | None = None,
        factors: Iterable[str] | None = None,
        phishing_resistant_only: bool | None = None,
        grace_days: int | None = None,
        remember_days: int | None = None,
        client_minimums: Mapping[str, int] | None = None,
        selected: Iterable[str] | None = None,
        deadlines: Mapping[str, datetime] | None = None,
        actor: str | None = None,
    ) -> Policy:
        """Replace what is given; raises ``InvalidPolicy``.

        Newly bound members fall due now, those no longer bound are released, and any other deadline
        stands, but for those in ``deadlines`` (by membership id). ``selected`` are the membership
        ids picked by the admin.
        """
        with transaction():
            tenant = self.get(tenant_id)
            before = policy_of(tenant)
            policy = build_policy(
                before,
                mfa=mfa,
                factors=factors,
                phishing_resistant_only=phishing_resistant_only,
                grace_days=grace_days,
                remember_days=remember_days,
                client_minimums=client_minimums,
                available=self.available_factors,
                changed_at=self._clock.now(),
            )
            tenant.mfa_mode = policy.mfa
            tenant.mfa_factors = [str(factor) for factor in policy.factors]
            tenant.mfa_grace_days = policy.grace_days
            tenant.mfa_remember_days = policy.remember_days
            tenant.mfa_phishing_resistant = policy.phishing_resistant_only
            tenant.mfa_client_minimums = dict(policy.client_minimums) or None
            tenant.policy_changed_at = policy.changed_at
            db.session.flush()
            if selected is not None:
                self.memberships.select(tenant_id, selected, actor=actor)
                db.session.flush()
            self.memberships.rebind_all(tenant_id, policy, deadlines)
            detail = {"from": _described(before), "to": _described(policy)}
            self._record("policy.changed", tenant, actor, detail)
        return policy

    def mark_due(self, membership_id: str, now: datetime) -> tuple[datetime, datetime] | None:
        """Fix since when a second factor is due of a bound member, and its deadline, once."""
        return self.memberships.mark_due(membership_id, now)

    def _record(
        self, event: str, tenant: Tenant, actor: str | None, detail: Mapping[str, Any]
    ) -> None:
        self._audit.record(
            event, category="tenant", tenant_id=tenant.id, actor=actor, detail=dict(detail)
        )
        after_commit(self._store.bump_caches)


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise ValueError(
            "a company's name has 1 to 200 characters, none of them control characters"
        )
    return name


def _described(policy: Policy) -> dict[str, Any]:
    return {
        "mfa": policy.mfa,
        "factors": [str(factor) for factor in policy.factors],
        "phishing_resistant_only": policy.phishing_resistant_only,
        "grace_days": policy.grace_days,
        "remember_days": policy.remember_days,
        "client_minimums": dict(policy.client_minimums),
    }
