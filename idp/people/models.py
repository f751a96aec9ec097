"""Invitations, recovery cases, requests to become an admin, and who was told of an ending.

An invitation is a mailed, expiring, single-use way into one company; only its token's digest is
kept. A recovery case is the only way in for an admin whom no other admin can help (M10).
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.names import person_sort_form, search_form
from idp.infra.database import Base, SealedText, UtcDateTime
from idp.infra.folded import empty_index, folded


class Invitation(Base):
    """Open until accepted, revoked or expired; a resend gives it a new token.

    One that an import made (``import_id``) may wait unsent (``sent_at`` None) until its company
    activates central accounts. ``external_id``: the person's key in the old product;
    ``password_hash`` and ``email_verified`` are what the old product knew, if it was trusted.
    ``account_id`` is the account that took it up, and ``arrival`` how: ``registered``, ``linked``
    (it existed before), ``kept`` (made with the old product's password). ``notice``: the mail that
    is due to the person.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        Index("ix_invitations_token", "token_digest", unique=True),
        Index("ix_invitations_tenant_email", "tenant_id", "email"),
        Index("ix_invitations_tenant_created", "tenant_id", "created_at", "id"),
        Index("ix_invitations_email", "email"),
        Index("ix_invitations_import", "import_id"),
        Index("ix_invitations_unsent", "sent_at", "tenant_id"),
        Index("ix_invitations_notice", "notice"),
        empty_index("invitations"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(320))
    given_name: Mapped[str] = mapped_column(String(200))
    family_name: Mapped[str] = mapped_column(String(200))
    sort_name: Mapped[str | None] = folded(person_sort_form, "family_name", "given_name", "email")
    search_text: Mapped[str | None] = folded(search_form, "given_name", "family_name", "email")
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
    products: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    import_id: Mapped[str | None] = mapped_column(String(32))
    external_id: Mapped[str | None] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(SealedText("invitations.password_hash"))
    email_verified: Mapped[bool] = mapped_column(default=False, server_default=false())
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    account_id: Mapped[str | None] = mapped_column(String(32))
    arrival: Mapped[str | None] = mapped_column(String(16))
    notice: Mapped[str | None] = mapped_column(String(16))


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


class AdminRequest(Base):
    """A member's wish to become an admin (T7); ``status``: open, granted, refused, withdrawn.

    Granted once an operator has approved it and, where the company has an admin, one of them has
    consented. An open request dies at ``expires_at``.
    """

    __tablename__ = "admin_requests"
    __table_args__ = (
        Index("ix_admin_requests_queue", "status", "created_at"),
        Index("ix_admin_requests_tenant", "tenant_id", "status"),
        Index("ix_admin_requests_account", "account_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consented_by: Mapped[str | None] = mapped_column(String(64))
    consented_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approval_note: Mapped[str | None] = mapped_column(String(1000))
    closed_by: Mapped[str | None] = mapped_column(String(64))
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closing_reason: Mapped[str | None] = mapped_column(String(1000))


class LogoutNotice(Base):
    """That a product was to be told of a member's lock or removal.

    ``delivery_id`` None: the client has registered no back-channel logout, so nobody could tell it.
    """

    __tablename__ = "logout_notices"
    __table_args__ = (
        Index("ix_logout_notices_membership", "membership_id", "created_at"),
        Index("ix_logout_notices_created", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    membership_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("memberships.id", ondelete="CASCADE")
    )
    client_id: Mapped[str] = mapped_column(String(64))
    client_name: Mapped[str] = mapped_column(String(200))
    cause: Mapped[str] = mapped_column(String(32))
    delivery_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
