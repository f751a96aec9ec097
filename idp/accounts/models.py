"""The account: a person's login, one per verified e-mail address, with every standard OIDC claim.

Column names are the claim names of OIDC Core §5.1. ``subject`` is the public ``sub``; the row's id
stays inside. ``name`` is composed of the other names unless it is set. ``sort_name`` and
``search_text`` are made of names and address whenever these are written.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.names import person_sort_form, search_form
from idp.infra.database import Base, UtcDateTime
from idp.infra.folded import empty_index, folded


class Account(Base):
    """One person. ``status`` is ``active`` or ``locked``; without a password it cannot sign in."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("ix_accounts_subject", "subject", unique=True),
        Index("ix_accounts_email", "email", unique=True),
        empty_index("accounts"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(32))
    email: Mapped[str] = mapped_column(String(320))
    email_verified: Mapped[bool]
    status: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str | None] = mapped_column(String(512))
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sessions_not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    locale: Mapped[str] = mapped_column(String(35))
    self_mfa: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str | None] = mapped_column(String(400))
    given_name: Mapped[str | None] = mapped_column(String(200))
    family_name: Mapped[str | None] = mapped_column(String(200))
    middle_name: Mapped[str | None] = mapped_column(String(200))
    sort_name: Mapped[str | None] = folded(
        person_sort_form, "family_name", "given_name", "name", "email"
    )
    search_text: Mapped[str | None] = folded(
        search_form, "given_name", "middle_name", "family_name", "name", "email"
    )
    nickname: Mapped[str | None] = mapped_column(String(200))
    preferred_username: Mapped[str | None] = mapped_column(String(200))
    profile: Mapped[str | None] = mapped_column(String(2000))
    picture: Mapped[str | None] = mapped_column(String(2000))
    website: Mapped[str | None] = mapped_column(String(2000))
    gender: Mapped[str | None] = mapped_column(String(64))
    birthdate: Mapped[str | None] = mapped_column(String(10))
    zoneinfo: Mapped[str | None] = mapped_column(String(64))
    phone_number: Mapped[str | None] = mapped_column(String(64))
    phone_number_verified: Mapped[bool] = mapped_column(default=False)
    address: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    salutation: Mapped[str | None] = mapped_column(String(32))
    is_operator: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AppPassword(Base):
    """An application password as its digest: for one product, in one company (P1, P2)."""

    __tablename__ = "app_passwords"
    __table_args__ = (
        Index("ix_app_passwords_digest", "digest", unique=True),
        Index("ix_app_passwords_account", "account_id"),
        Index("ix_app_passwords_tenant", "tenant_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    product: Mapped[str] = mapped_column(String(64))
    comment: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_ip: Mapped[str | None] = mapped_column(String(64))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_reason: Mapped[str | None] = mapped_column(String(64))
