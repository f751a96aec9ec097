"""Clients under their RFC 7591 names, and their secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("client_name", sa.String(200), nullable=False),
        sa.Column("tenant_id", sa.String(32), sa.ForeignKey("tenants.id", ondelete="CASCADE")),
        sa.Column("first_party", sa.Boolean(), nullable=False),
        sa.Column("product", sa.String(64)),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("post_logout_redirect_uris", sa.JSON(), nullable=False),
        sa.Column("grant_types", sa.JSON(), nullable=False),
        sa.Column("response_types", sa.JSON(), nullable=False),
        sa.Column("application_type", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(1000), nullable=False),
        sa.Column("token_endpoint_auth_method", sa.String(64), nullable=False),
        sa.Column("token_endpoint_auth_signing_alg", sa.String(16)),
        sa.Column("jwks", sa.JSON()),
        sa.Column("jwks_uri", sa.String(2000)),
        sa.Column("id_token_signed_response_alg", sa.String(16), nullable=False),
        sa.Column("userinfo_signed_response_alg", sa.String(16)),
        sa.Column("subject_type", sa.String(16), nullable=False),
        sa.Column("backchannel_logout_uri", sa.String(2000)),
        sa.Column("backchannel_logout_session_required", sa.Boolean(), nullable=False),
        sa.Column("frontchannel_logout_uri", sa.String(2000)),
        sa.Column("initiate_login_uri", sa.String(2000)),
        sa.Column("logo_uri", sa.String(2000)),
        sa.Column("policy_uri", sa.String(2000)),
        sa.Column("tos_uri", sa.String(2000)),
        sa.Column("client_uri", sa.String(2000)),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("default_max_age", sa.Integer()),
        sa.Column("require_auth_time", sa.Boolean(), nullable=False),
        sa.Column("minimum_acr", sa.String(200)),
        sa.Column("require_pkce", sa.Boolean(), nullable=False),
        sa.Column("refresh_grace", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(64)),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_clients_client_id", "clients", ["client_id"], unique=True)
    op.create_index("ix_clients_tenant", "clients", ["tenant_id", "client_name", "id"])
    op.create_index("ix_clients_name", "clients", ["client_name", "id"])
    op.create_table(
        "client_secrets",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "client_id",
            sa.String(32),
            sa.ForeignKey("clients.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_client_secrets_client", "client_secrets", ["client_id", "created_at"])


def downgrade() -> None:
    op.drop_table("client_secrets")
    op.drop_table("clients")
