"""Invitations and recovery cases.

An invitation is a mailed, expiring, single-use way into one company; only its token's digest is
kept. A recovery case is the only way in for an admin whom no other admin can help (M10).
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.infra.database import Base, SealedText, UtcDateTime


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


class RecoveryCase(Base):
    """A sole admin's request to be let in again; ``status``: open, approved, refused, cancelled.

    ``contact``: how the operators reach the person beside e-mail. An open case dies at
    ``expires_at``.
    """

    __tablename__ = "recovery_cases"
    __table_args__ = (
        Index("ix_recovery_cases_queue", "status", "created_at"),
        Index("ix_recovery_cases_account", "account_id"),
        Index("ix_recovery_cases_tenant", "tenant_id"),
        Index("ix_recovery_cases_cancel", "cancel_digest", unique=True),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(1000))
    contact: Mapped[str] = mapped_column(SealedText("recovery_cases.contact"))
    ip: Mapped[str] = mapped_column(String(64))
    cancel_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryApproval(Base):
    """One operator's word for a case; the key lets nobody give it twice."""

    __tablename__ = "recovery_approvals"
    __table_args__ = (Index("ix_recovery_approvals_account", "account_id"),)

    case_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("recovery_cases.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    note: Mapped[str] = mapped_column(String(1000))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
