"""Runs whose plan is to be like an earlier one.

Revision: 0007, after 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "likeness",
        sa.Column("run_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("plan_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("max_moved", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_likeness_run_id"),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_likeness_plan_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_likeness"),
    )


def downgrade() -> None:
    op.drop_table("likeness")
