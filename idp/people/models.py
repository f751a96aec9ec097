"""Invitations: a mailed, expiring, single-use way into one company. Only the token's digest is
kept.
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.infra.database import Base, UtcDateTime


class Invitation(Base):
    """Open until accepted, revoked or expired; a resend gives it a new token."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("ix_invitations_token", "token_digest", unique=True),
        Index("ix_invitations_tenant_email", "tenant_id", "email"),
        Index("ix_invitations_tenant_created", "tenant_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(320))
    given_name: Mapped[str] = mapped_column(String(200))
    family_name: Mapped[str] = mapped_column(String(200))
    salutation: Mapped[str | None] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(16))
    permissions: Mapped[list[str]] = mapped_column(JSON)
    locale: Mapped[str] = mapped_column(String(35))
    token_digest: Mapped[str] = mapped_column(String(64))
    invited_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
