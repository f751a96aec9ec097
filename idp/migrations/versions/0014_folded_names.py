"""Names as they are sorted and looked for.

The columns stay empty here: filling them would keep the tables locked under the version that still
serves. This release fills them a portion at a time (``idp migrate``, then its worker), and what
that version writes meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SORTED = ("accounts", "invitations", "clients")
SEARCHED = ("accounts", "invitations", "clients", "tenants")


def upgrade() -> None:
    kind = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    empty = sa.text("search_text IS NULL")
    for table in SORTED:
        op.add_column(table, sa.Column("sort_name", kind))
    for table in SEARCHED:
        op.add_column(table, sa.Column("search_text", kind))
        op.create_index(
            f"ix_{table}_unfolded", table, ["id"], postgresql_where=empty, sqlite_where=empty
        )


def downgrade() -> None:
    for table in SEARCHED:
        op.drop_index(f"ix_{table}_unfolded", table_name=table)
        op.drop_column(table, "search_text")
    for table in SORTED:
        op.drop_column(table, "sort_name")
