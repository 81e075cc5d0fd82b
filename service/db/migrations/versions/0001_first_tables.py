"""The first tables: cities and their versions, runs, plans, routes.

Revision: 0001, after None.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "city",
        sa.Column("id", sqlmodel.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.AutoString(), nullable=False),
        sa.Column("content_hash", sqlmodel.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_city"),
    )
    op.create_table(
        "city_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("content_hash", sqlmodel.AutoString(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_city_version_city_id"),
        sa.PrimaryKeyConstraint("id", name="pk_city_version"),
        sa.UniqueConstraint("city_id", "content_hash", name="uq_city_version_city_id_content_hash"),
    )
    op.create_index("ix_city_version_city_id", "city_version", ["city_id"])
    op.create_table(
        "run",
        sa.Column("id", sqlmodel.AutoString(), nullable=False),
        sa.Column("city_version_id", sa.Integer(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("status", sqlmodel.AutoString(), nullable=False),
        sa.Column("stage", sqlmodel.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("error", sqlmodel.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["city_version_id"], ["city_version.id"], name="fk_run_city_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_index("ix_run_city_version_id", "run", ["city_version_id"])
    op.create_index("ix_run_status", "run", ["status"])
    op.create_table(
        "plan",
        sa.Column("id", sqlmodel.AutoString(), nullable=False),
        sa.Column("run_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("city_version_id", sa.Integer(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("routes_geojson", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["city_version_id"], ["city_version.id"], name="fk_plan_city_version_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_plan_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
        sa.UniqueConstraint("run_id", name="uq_plan_run_id"),
    )
    op.create_index("ix_plan_city_version_id", "plan", ["city_version_id"])
    op.create_table(
        "route",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("vehicle", sqlmodel.AutoString(), nullable=False),
        sa.Column("shift", sqlmodel.AutoString(), nullable=False),
        sa.Column("geojson", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_route_plan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_route"),
        sa.UniqueConstraint("plan_id", "shift", name="uq_route_plan_id_shift"),
    )
    op.create_index("ix_route_plan_id", "route", ["plan_id"])


def downgrade() -> None:
    for table in ("route", "plan", "run", "city_version", "city"):
        op.drop_table(table)
