"""Runs that are taken up again, and answers that are given again.

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
    op.add_column("run", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("steps", sa.Integer(), nullable=True))
    op.create_table(
        "answer",
        sa.Column("key", sqlmodel.AutoString(), nullable=False),
        sa.Column("request_hash", sqlmodel.AutoString(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_answer"),
    )
    op.create_index("ix_answer_expires_at", "answer", ["expires_at"])


def downgrade() -> None:
    op.drop_table("answer")
    with op.batch_alter_table("run") as run:
        run.drop_column("steps")
        run.drop_column("attempts")
