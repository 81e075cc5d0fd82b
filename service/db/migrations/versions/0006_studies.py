"""Studies: scenarios compared.

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", sqlmodel.AutoString(), nullable=False),
        sa.Column("city_version_id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.AutoString(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("status", sqlmodel.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("error", sqlmodel.AutoString(), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("brief", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["city_version_id"], ["city_version.id"], name="fk_study_city_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
    )
    op.create_index("ix_study_city_version_id", "study", ["city_version_id"])
    op.create_index("ix_study_status", "study", ["status"])


def downgrade() -> None:
    op.drop_table("study")
