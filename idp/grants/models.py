"""What a person allowed a client, and the refresh tokens that came of it.

``client_id`` is the identifier of the wire, so that issuing and refreshing need no lookup of ours.
A family is everything one authorization led to: its id stands in every access token (``jti``) and
on every refresh token, so that one reuse ends all of them (RFC 9700 §4.14.2).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.infra.database import Base, UtcDateTime


class Grant(Base):
    """The scopes a person allowed a third-party client: one row per pair, extended over time."""

    __tablename__ = "grants"
    __table_args__ = (
        Index("ix_grants_account_client", "account_id", "client_id", unique=True),
        Index("ix_grants_client", "client_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    client_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("clients.client_id", ondelete="CASCADE")
    )
    scope: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshFamily(Base):
    """One authorization with offline access: what was granted, how it was proven, until when."""

    __tablename__ = "refresh_families"
    __table_args__ = (
        Index("ix_refresh_families_account", "account_id", "client_id"),
        Index("ix_refresh_families_client", "client_id"),
        Index("ix_refresh_families_tenant", "tenant_id"),
        Index("ix_refresh_families_sid", "sid"),
        Index("ix_refresh_families_expiry", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    subject: Mapped[str] = mapped_column(String(32))
    client_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("clients.client_id", ondelete="CASCADE")
    )
    tenant_id: Mapped[str | None] = mapped_column(
        String(32), ForeignKey("tenants.id", ondelete="CASCADE")
    )
    sid: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(1000))
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    auth_time: Mapped[datetime] = mapped_column(UtcDateTime)
    acr: Mapped[str] = mapped_column(String(200))
    amr: Mapped[list[str]] = mapped_column(JSON)
    nonce: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_reason: Mapped[str | None] = mapped_column(String(64))


class RefreshToken(Base):
    """One refresh token as its digest; ``used_at`` is set once, by the rotation that wins."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("ix_refresh_tokens_family", "family_id"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    family_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("refresh_families.id", ondelete="CASCADE")
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    grace_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
