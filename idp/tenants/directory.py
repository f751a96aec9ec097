"""Tenants as hot paths see them: from a cache in the process that a change anywhere makes stale."""

from dataclasses import dataclass

from sqlalchemy import select

from idp.core.person import Policy
from idp.infra.database import db
from idp.infra.ephemeral import EphemeralStore
from idp.infra.process_cache import ProcessCache
from idp.tenants.customer_number import InvalidCustomerNumber, parse_customer_number
from idp.tenants.models import Tenant, TenantProduct
from idp.tenants.policy import policy_of

_TENANT = Tenant.__table__
_PRODUCT = TenantProduct.__table__


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """One company with its policy and what it booked."""

    tenant_id: str
    customer_number: str
    name: str
    accent: str | None
    logo_uri: str | None
    accounts_mode: str
    policy: Policy
    products: frozenset[str]
    app_passwords: bool = True
    app_password_days: int | None = None


class TenantDirectory:
    """Finds companies by id or by customer number."""

    def __init__(self, store: EphemeralStore) -> None:
        self._by_id = ProcessCache(store, self._load, limit=20_000)
        self._ids = ProcessCache(store, self._load_id, limit=20_000)

    def find(self, tenant_id: str) -> TenantFacts | None:
        """The company with that id."""
        return self._by_id.get(tenant_id)

    def find_by_customer_number(self, text: str) -> TenantFacts | None:
        """The company of that customer number, in any of the ways people write it."""
        try:
            tenant_id = self._ids.get(parse_customer_number(text))
        except InvalidCustomerNumber:
            return None
        return self.find(tenant_id) if tenant_id else None

    @staticmethod
    def _load(tenant_id: str) -> TenantFacts | None:
        row = db.session.execute(select(_TENANT).where(_TENANT.c.id == tenant_id)).first()
        if row is None:
            return None
        booked = select(_PRODUCT.c.product).where(_PRODUCT.c.tenant_id == tenant_id)
        return TenantFacts(
            tenant_id=row.id,
            customer_number=row.customer_number,
            name=row.name,
            accent=row.accent,
            logo_uri=row.logo_uri,
            accounts_mode=row.accounts_mode,
            policy=policy_of(row),
            products=frozenset(db.session.execute(booked).scalars()),
            app_passwords=row.app_passwords,
            app_password_days=row.app_password_days,
        )

    @staticmethod
    def _load_id(customer_number: str) -> str | None:
        query = select(_TENANT.c.id).where(_TENANT.c.customer_number == customer_number)
        return db.session.execute(query).scalar()
