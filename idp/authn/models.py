"""Second factors of an account and the devices that may skip them; one row each, no rules."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from idp.infra.database import Base, SealedText, UtcDateTime


class TotpDevice(Base):
    """An authenticator app (RFC 6238). ``last_used_step`` only grows, so no code counts twice."""

    __tablename__ = "totp_devices"
    __table_args__ = (Index("ix_totp_devices_account", "account_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(200))
    secret: Mapped[str] = mapped_column(SealedText("totp_devices.secret"))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebauthnCredential(Base):
    """A passkey or security key (WebAuthn Level 3 §4, "credential record").

    ``user_verified``: it checked its holder when it was made, so it may stand in for the password.
    ``backup_eligible`` and ``backed_up`` tell synced keys from those that never leave their device.
    ``counter_regressed_at``: a copy of the key may exist (§6.1.1).
    """

    __tablename__ = "webauthn_credentials"
    __table_args__ = (
        Index("ix_webauthn_credentials_digest", "credential_digest", unique=True),
        Index("ix_webauthn_credentials_account", "account_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    credential_id: Mapped[str] = mapped_column(Text)
    credential_digest: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(200))
    aaguid: Mapped[str] = mapped_column(String(36))
    transports: Mapped[list[str]] = mapped_column(JSON)
    user_verified: Mapped[bool]
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    counter_regressed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CodeDestination(Base):
    """Where codes may be sent: a telephone number that was confirmed, or the account's e-mail.

    ``channel`` is ``phone`` or ``email``; ``address`` the number in E.164 form (empty for e-mail:
    it is the account's address, whatever that is). ``texts``: the number can receive SMS.
    """

    __tablename__ = "code_destinations"
    __table_args__ = (Index("ix_code_destinations_account", "account_id", "channel"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    channel: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(SealedText("code_destinations.address"))
    texts: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """The digest of one recovery code; ``used_at`` is set once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (
        Index("ix_recovery_codes_account_digest", "account_id", "digest", unique=True),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RememberedDevice(Base):
    """A browser that may skip the second factor where the policy lets it."""

    __tablename__ = "remembered_devices"
    __table_args__ = (
        Index("ix_remembered_devices_token", "token_digest", unique=True),
        Index("ix_remembered_devices_account", "account_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("accounts.id", ondelete="CASCADE")
    )
    token_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user_agent: Mapped[str] = mapped_column(String(400))
    ip: Mapped[str] = mapped_column(String(64))
