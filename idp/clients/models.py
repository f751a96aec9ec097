"""Registered clients under the metadata names of RFC 7591 §2 and OIDC Registration §2, and their
secrets as digests (they are random, so a slow hash would buy nothing).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.names import search_form, sort_form
from idp.infra.database import Base, UtcDateTime
from idp.infra.folded import empty_index, folded


class ClientRow(Base):
    """One relying party as stored; rules work on ``clients.registry.Client``."""

    __tablename__ = "clients"
    __table_args__ = (
        Index("ix_clients_client_id", "client_id", unique=True),
        Index("ix_clients_tenant", "tenant_id", "client_name", "id"),
        Index("ix_clients_name", "client_name", "id"),
        empty_index("clients"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))
    client_name: Mapped[str] = mapped_column(String(200))
    sort_name: Mapped[str | None] = folded(sort_form, "client_name")
    search_text: Mapped[str | None] = folded(search_form, "client_name")
    tenant_id: Mapped[str | None] = mapped_column(
        String(32), ForeignKey("tenants.id", ondelete="CASCADE")
    )
    first_party: Mapped[bool] = mapped_column(default=False)
    product: Mapped[str | None] = mapped_column(String(64))
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    grant_types: Mapped[list[str]] = mapped_column(JSON)
    response_types: Mapped[list[str]] = mapped_column(JSON)
    application_type: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(1000))
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(64))
    token_endpoint_auth_signing_alg: Mapped[str | None] = mapped_column(String(16))
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    jwks_uri: Mapped[str | None] = mapped_column(String(2000))
    id_token_signed_response_alg: Mapped[str] = mapped_column(String(16))
    userinfo_signed_response_alg: Mapped[str | None] = mapped_column(String(16))
    subject_type: Mapped[str] = mapped_column(String(16))
    backchannel_logout_uri: Mapped[str | None] = mapped_column(String(2000))
    backchannel_logout_session_required: Mapped[bool] = mapped_column(default=False)
    frontchannel_logout_uri: Mapped[str | None] = mapped_column(String(2000))
    initiate_login_uri: Mapped[str | None] = mapped_column(String(2000))
    logo_uri: Mapped[str | None] = mapped_column(String(2000))
    policy_uri: Mapped[str | None] = mapped_column(String(2000))
    tos_uri: Mapped[str | None] = mapped_column(String(2000))
    client_uri: Mapped[str | None] = mapped_column(String(2000))
    contacts: Mapped[list[str]] = mapped_column(JSON)
    default_max_age: Mapped[int | None]
    require_auth_time: Mapped[bool] = mapped_column(default=False)
    minimum_acr: Mapped[str | None] = mapped_column(String(200))
    require_pkce: Mapped[bool] = mapped_column(default=False)
    refresh_grace: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str | None] = mapped_column(String(64))
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ClientSecret(Base):
    """A secret's SHA-256 digest; several are valid at once while a rotation overlaps."""

    __tablename__ = "client_secrets"
    __table_args__ = (Index("ix_client_secrets_client", "client_id", "created_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(32), ForeignKey("clients.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
