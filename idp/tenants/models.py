"""Companies, what they booked, and who belongs to them in which role.

Accounts are referred to by id only; the MFA policy is part of the tenant's row, since every
tenant has exactly one.
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, false, true
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.names import search_form
from idp.infra.database import Base, UtcDateTime
from idp.infra.folded import empty_index, folded


class Tenant(Base):
    """A customer company, known outside by its nine-digit customer number.

    ``accounts_mode``: ``local`` until an admin activates central accounts (``activated_at``); from
    ``cutover_at`` on the products' own logins are over. ``app_password_days``: how old an
    application password may get; ``audit_retention_days``: how long the change log is kept. None
    means for ever.
    """

    __tablename__ = "tenants"
    __table_args__ = (
        Index("ix_tenants_customer_number", "customer_number", unique=True),
        empty_index("tenants"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    customer_number: Mapped[str] = mapped_column(String(9))
    name: Mapped[str] = mapped_column(String(200))
    search_text: Mapped[str | None] = folded(search_form, "name")
    accent: Mapped[str | None] = mapped_column(String(32))
    logo_uri: Mapped[str | None] = mapped_column(String(2000))
    accounts_mode: Mapped[str] = mapped_column(String(16))
    mfa_mode: Mapped[str] = mapped_column(String(16), default="admins")
    mfa_factors: Mapped[list[str]] = mapped_column(JSON)
    mfa_grace_days: Mapped[int] = mapped_column(default=0)
    mfa_remember_days: Mapped[int] = mapped_column(default=0)
    mfa_phishing_resistant: Mapped[bool] = mapped_column(default=False, server_default=false())
    mfa_client_minimums: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    policy_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cutover_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    app_passwords: Mapped[bool] = mapped_column(default=True, server_default=true())
    app_password_days: Mapped[int | None]
    audit_retention_days: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TenantLogo(Base):
    """The picture that ``Tenant.logo_uri`` names, made anew from what was uploaded."""

    __tablename__ = "tenant_logos"
    __table_args__ = (Index("ix_tenant_logos_digest", "digest"),)

    tenant_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TenantProduct(Base):
    """A product the tenant has booked."""

    __tablename__ = "tenant_products"

    tenant_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True
    )
    product: Mapped[str] = mapped_column(String(64), primary_key=True)


class Membership(Base):
    """Account × tenant. ``products`` None means all booked ones; the MFA deadline is fixed once.

    ``not_before``: what was given or proven for it earlier counts no more: it was locked or removed
    then.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        Index("ix_memberships_account_tenant", "account_id", "tenant_id", unique=True),
        Index("ix_memberships_tenant", "tenant_id", "status", "role"),
        Index("ix_memberships_tenant_created", "tenant_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    permissions: Mapped[list[str]] = mapped_column(JSON)
    products: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    mfa_selected: Mapped[bool] = mapped_column(default=False)
    mfa_due_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mfa_deadline: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mfa_bypass_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mfa_bypass_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mfa_reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
