"""The change log: where a chain begins after its oldest records were let go, and its indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("audit_retention_days", sa.Integer()))
    op.add_column(
        "audit_heads", sa.Column("base_seq", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("audit_heads", sa.Column("base_hash", sa.String(64)))
    op.add_column("audit_heads", sa.Column("base_mac", sa.String(64)))
    op.create_index("ix_audit_events_category", "audit_events", ["chain", "category", "seq"])
    op.create_index("ix_audit_events_chain_subject", "audit_events", ["chain", "subject", "seq"])
    op.create_index("ix_audit_events_chain_actor", "audit_events", ["chain", "actor", "seq"])
    op.create_index("ix_audit_events_chain_at", "audit_events", ["chain", "at"])


def downgrade() -> None:
    op.drop_index("ix_audit_events_chain_at", table_name="audit_events")
    op.drop_index("ix_audit_events_chain_actor", table_name="audit_events")
    op.drop_index("ix_audit_events_chain_subject", table_name="audit_events")
    op.drop_index("ix_audit_events_category", table_name="audit_events")
    with op.batch_alter_table("audit_heads") as heads:
        heads.drop_column("base_mac")
        heads.drop_column("base_hash")
        heads.drop_column("base_seq")
    with op.batch_alter_table("tenants") as tenants:
        tenants.drop_column("audit_retention_days")
