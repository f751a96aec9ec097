"""Logos of companies, requests to become an admin, and who was told of an ending."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenant_logos",
        sa.Column(
            "tenant_id",
            sa.String(32),
            sa.ForeignKey("tenants.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_tenant_logos_digest", "tenant_logos", ["digest"])
    op.create_table(
        "admin_requests",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "tenant_id",
            sa.String(32),
            sa.ForeignKey("tenants.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "account_id",
            sa.String(32),
            sa.ForeignKey("accounts.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consented_by", sa.String(64)),
        sa.Column("consented_at", sa.DateTime(timezone=True)),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("approval_note", sa.String(1000)),
        sa.Column("closed_by", sa.String(64)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closing_reason", sa.String(1000)),
    )
    op.create_index("ix_admin_requests_queue", "admin_requests", ["status", "created_at"])
    op.create_index("ix_admin_requests_tenant", "admin_requests", ["tenant_id", "status"])
    op.create_index("ix_admin_requests_account", "admin_requests", ["account_id"])
    op.create_table(
        "logout_notices",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "membership_id",
            sa.String(32),
            sa.ForeignKey("memberships.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("client_name", sa.String(200), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("delivery_id", sa.String(32)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "ix_logout_notices_membership", "logout_notices", ["membership_id", "created_at"]
    )
    op.create_index("ix_logout_notices_created", "logout_notices", ["created_at"])
    op.add_column("memberships", sa.Column("not_before", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("memberships", "not_before")
    op.drop_table("logout_notices")
    op.drop_table("admin_requests")
    op.drop_table("tenant_logos")
