"""Application passwords, and what a company allows of them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column("app_passwords", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.add_column("tenants", sa.Column("app_password_days", sa.Integer()))
    op.create_table(
        "app_passwords",
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
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("comment", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_ip", sa.String(64)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_reason", sa.String(64)),
    )
    op.create_index("ix_app_passwords_digest", "app_passwords", ["digest"], unique=True)
    op.create_index("ix_app_passwords_account", "app_passwords", ["account_id"])
    op.create_index("ix_app_passwords_tenant", "app_passwords", ["tenant_id"])


def downgrade() -> None:
    op.drop_table("app_passwords")
    with op.batch_alter_table("tenants") as tenants:
        tenants.drop_column("app_password_days")
        tenants.drop_column("app_passwords")
