"""The full MFA policy: phishing-resistant only, minimums per client, bypass and reminder."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column(
            "mfa_phishing_resistant", sa.Boolean(), nullable=False, server_default=sa.false()
        ),
    )
    op.add_column("tenants", sa.Column("mfa_client_minimums", sa.JSON()))
    op.add_column("memberships", sa.Column("mfa_bypass_until", sa.DateTime(timezone=True)))
    op.add_column("memberships", sa.Column("mfa_bypass_used_at", sa.DateTime(timezone=True)))
    op.add_column("memberships", sa.Column("mfa_reminded_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("memberships", "mfa_reminded_at")
    op.drop_column("memberships", "mfa_bypass_used_at")
    op.drop_column("memberships", "mfa_bypass_until")
    op.drop_column("tenants", "mfa_client_minimums")
    op.drop_column("tenants", "mfa_phishing_resistant")
