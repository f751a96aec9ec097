"""Accounts: a person's login with every standard OIDC claim."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.String(512)),
        sa.Column("password_changed_at", sa.DateTime(timezone=True)),
        sa.Column("sessions_not_before", sa.DateTime(timezone=True)),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("self_mfa", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(400)),
        sa.Column("given_name", sa.String(200)),
        sa.Column("family_name", sa.String(200)),
        sa.Column("middle_name", sa.String(200)),
        sa.Column("nickname", sa.String(200)),
        sa.Column("preferred_username", sa.String(200)),
        sa.Column("profile", sa.String(2000)),
        sa.Column("picture", sa.String(2000)),
        sa.Column("website", sa.String(2000)),
        sa.Column("gender", sa.String(64)),
        sa.Column("birthdate", sa.String(10)),
        sa.Column("zoneinfo", sa.String(64)),
        sa.Column("phone_number", sa.String(64)),
        sa.Column("phone_number_verified", sa.Boolean(), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("salutation", sa.String(32)),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_accounts_subject", "accounts", ["subject"], unique=True)
    op.create_index("ix_accounts_email", "accounts", ["email"], unique=True)


def downgrade() -> None:
    op.drop_table("accounts")
