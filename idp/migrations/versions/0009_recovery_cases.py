"""Cases of people who are locked out for good, their approvals; who did what, by person."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recovery_cases",
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
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=False),
        sa.Column("ip", sa.String(64), nullable=False),
        sa.Column("cancel_digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_recovery_cases_queue", "recovery_cases", ["status", "created_at"])
    op.create_index("ix_recovery_cases_account", "recovery_cases", ["account_id"])
    op.create_index("ix_recovery_cases_tenant", "recovery_cases", ["tenant_id"])
    op.create_index("ix_recovery_cases_cancel", "recovery_cases", ["cancel_digest"], unique=True)
    op.create_table(
        "recovery_approvals",
        sa.Column(
            "case_id",
            sa.String(32),
            sa.ForeignKey("recovery_cases.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "account_id",
            sa.String(32),
            sa.ForeignKey("accounts.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_recovery_approvals_account", "recovery_approvals", ["account_id"])
    op.create_index("ix_audit_events_subject", "audit_events", ["subject", "at"])


def downgrade() -> None:
    op.drop_index("ix_audit_events_subject", table_name="audit_events")
    op.drop_table("recovery_approvals")
    op.drop_table("recovery_cases")
