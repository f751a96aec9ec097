"""Tenants with their MFA policy and products, memberships, and invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("customer_number", sa.String(9), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("accent", sa.String(32)),
        sa.Column("logo_uri", sa.String(2000)),
        sa.Column("accounts_mode", sa.String(16), nullable=False),
        sa.Column("mfa_mode", sa.String(16), nullable=False),
        sa.Column("mfa_factors", sa.JSON(), nullable=False),
        sa.Column("mfa_grace_days", sa.Integer(), nullable=False),
        sa.Column("mfa_remember_days", sa.Integer(), nullable=False),
        sa.Column("policy_changed_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_tenants_customer_number", "tenants", ["customer_number"], unique=True)
    op.create_table(
        "tenant_products",
        sa.Column(
            "tenant_id",
            sa.String(32),
            sa.ForeignKey("tenants.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("product", sa.String(64), primary_key=True),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "account_id",
            sa.String(32),
            sa.ForeignKey("accounts.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "tenant_id",
            sa.String(32),
            sa.ForeignKey("tenants.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.Column("products", sa.JSON()),
        sa.Column("mfa_selected", sa.Boolean(), nullable=False),
        sa.Column("mfa_due_since", sa.DateTime(timezone=True)),
        sa.Column("mfa_deadline", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True)),
    )
    op.create_index(
        "ix_memberships_account_tenant", "memberships", ["account_id", "tenant_id"], unique=True
    )
    op.create_index("ix_memberships_tenant", "memberships", ["tenant_id", "status", "role"])
    op.create_index(
        "ix_memberships_tenant_created", "memberships", ["tenant_id", "created_at", "id"]
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "tenant_id",
            sa.String(32),
            sa.ForeignKey("tenants.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("given_name", sa.String(200), nullable=False),
        sa.Column("family_name", sa.String(200), nullable=False),
        sa.Column("salutation", sa.String(32)),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("token_digest", sa.String(64), nullable=False),
        sa.Column("invited_by", sa.String(64)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_invitations_token", "invitations", ["token_digest"], unique=True)
    op.create_index("ix_invitations_tenant_email", "invitations", ["tenant_id", "email"])
    op.create_index(
        "ix_invitations_tenant_created", "invitations", ["tenant_id", "created_at", "id"]
    )


def downgrade() -> None:
    op.drop_table("invitations")
    op.drop_table("memberships")
    op.drop_table("tenant_products")
    op.drop_table("tenants")
