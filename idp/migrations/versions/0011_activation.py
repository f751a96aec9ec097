"""Activation of central accounts, imports of people, and how to ask an old product."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("activated_at", sa.DateTime(timezone=True)))
    op.add_column("tenants", sa.Column("cutover_at", sa.DateTime(timezone=True)))
    op.create_table(
        "import_jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "tenant_id",
            sa.String(32),
            sa.ForeignKey("tenants.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("applied", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_by_account", sa.String(32)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_import_jobs_tenant", "import_jobs", ["tenant_id", "created_at"])
    op.create_index("ix_import_jobs_status", "import_jobs", ["status", "created_at"])
    op.create_table(
        "import_lines",
        sa.Column(
            "job_id",
            sa.String(32),
            sa.ForeignKey("import_jobs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("line", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("email", sa.String(320)),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("action", sa.String(16)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("code", sa.String(32)),
        sa.Column("created", sa.JSON()),
    )
    op.create_index("ix_import_lines_outcome", "import_lines", ["job_id", "outcome", "line"])
    op.create_index("ix_import_lines_email", "import_lines", ["job_id", "email"])
    op.create_table(
        "legacy_logins",
        sa.Column("product", sa.String(64), primary_key=True),
        sa.Column("uri", sa.String(2000), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    with op.batch_alter_table("invitations") as invitations:
        invitations.add_column(sa.Column("products", sa.JSON()))
        invitations.add_column(sa.Column("import_id", sa.String(32)))
        invitations.add_column(sa.Column("external_id", sa.String(200)))
        invitations.add_column(sa.Column("password_hash", sa.LargeBinary()))
        invitations.add_column(
            sa.Column("email_verified", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        invitations.add_column(sa.Column("sent_at", sa.DateTime(timezone=True)))
        invitations.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True)))
        invitations.add_column(sa.Column("account_id", sa.String(32)))
        invitations.add_column(sa.Column("arrival", sa.String(16)))
        invitations.add_column(sa.Column("notice", sa.String(16)))
    op.execute("UPDATE invitations SET sent_at = created_at")
    op.create_index("ix_invitations_email", "invitations", ["email"])
    op.create_index("ix_invitations_import", "invitations", ["import_id"])
    op.create_index("ix_invitations_unsent", "invitations", ["sent_at", "tenant_id"])
    op.create_index("ix_invitations_notice", "invitations", ["notice"])
    op.add_column("memberships", sa.Column("first_sign_in_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE memberships SET first_sign_in_at = last_sign_in_at")


def downgrade() -> None:
    with op.batch_alter_table("memberships") as memberships:
        memberships.drop_column("first_sign_in_at")
    op.drop_index("ix_invitations_notice", table_name="invitations")
    op.drop_index("ix_invitations_unsent", table_name="invitations")
    op.drop_index("ix_invitations_import", table_name="invitations")
    op.drop_index("ix_invitations_email", table_name="invitations")
    with op.batch_alter_table("invitations") as invitations:
        for name in (
            "notice",
            "arrival",
            "account_id",
            "reminded_at",
            "sent_at",
            "email_verified",
            "password_hash",
            "external_id",
            "import_id",
            "products",
        ):
            invitations.drop_column(name)
    op.drop_table("legacy_logins")
    op.drop_table("import_lines")
    op.drop_table("import_jobs")
    with op.batch_alter_table("tenants") as tenants:
        tenants.drop_column("cutover_at")
        tenants.drop_column("activated_at")
