"""Second factors of an account and the devices that may skip them; one row each, no rules."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
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
