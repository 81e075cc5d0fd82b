"""Cities that show a summary to everybody, and accounts that sign in at a provider of identities.

Revision: 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_city",
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_open_city_city_id"),
        sa.PrimaryKeyConstraint("city_id", name="pk_open_city"),
    )
    op.create_table(
        "outside_identity",
        sa.Column("issuer", sqlmodel.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.AutoString(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_outside_identity_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_outside_identity"),
    )
    op.create_index("ix_outside_identity_account_id", "outside_identity", ["account_id"])


def downgrade() -> None:
    op.drop_table("outside_identity")
    op.drop_table("open_city")
