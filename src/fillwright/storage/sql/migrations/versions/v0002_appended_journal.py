"""The journal's records in the order of their arrival, its key beside them.

Same columns, same key. Kept in the key's own tree, a record of more than a quarter of a page would overflow to a page
of its own, and each full page would be balanced with its neighbours: twice the pages per commit.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fillwright.ports import StorageError

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table anew, and copy what it holds."""
    op.execute("ALTER TABLE journal RENAME TO journal_0001")
    op.create_table(
        "journal",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq"),
    )
    op.execute("INSERT INTO journal SELECT * FROM journal_0001 ORDER BY account_id, seq")
    op.execute("DROP TABLE journal_0001")


def downgrade() -> None:
    """Refuse: a store is never taken back to an older program."""
    raise StorageError("a store is not taken back to an older schema; restore a backup instead")
