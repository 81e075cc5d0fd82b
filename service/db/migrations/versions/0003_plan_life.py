"""A plan's life: plans made from plans, and which of them a day follows.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("plan") as plan:
        plan.alter_column("run_id", existing_type=sqlmodel.AutoString(), nullable=True)
        plan.alter_column("routes_geojson", existing_type=sa.LargeBinary(), nullable=True)
        plan.add_column(sa.Column("places", sa.LargeBinary(), nullable=True))
        plan.add_column(sa.Column("parent_id", sqlmodel.AutoString(), nullable=True))
        plan.add_column(sa.Column("problem_from", sqlmodel.AutoString(), nullable=True))
        plan.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
        plan.add_column(sa.Column("edits", sa.JSON(), nullable=False, server_default="[]"))
        plan.add_column(sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=True))
        plan.create_foreign_key("fk_plan_parent_id", "plan", ["parent_id"], ["id"])
        plan.create_foreign_key("fk_plan_problem_from", "plan", ["problem_from"], ["id"])
    living = sa.text("discarded_at IS NULL")
    op.create_index(
        "uq_plan_parent_id", "plan", ["parent_id"], unique=True, sqlite_where=living, postgresql_where=living
    )
    op.create_table(
        "service_day",
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("state", sqlmodel.AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_service_day_city_id"),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_service_day_plan_id"),
        sa.PrimaryKeyConstraint("city_id", "service_date", name="pk_service_day"),
    )
    op.create_index("ix_service_day_plan_id", "service_day", ["plan_id"])
    op.create_table(
        "publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["city_id", "service_date"],
            ["service_day.city_id", "service_day.service_date"],
            name="fk_publication_city_id",
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_publication_plan_id"),
        sa.PrimaryKeyConstraint("id", name="pk_publication"),
        sa.UniqueConstraint("city_id", "service_date", "version", name="uq_publication_city_id_service_date_version"),
    )
    op.create_index("ix_publication_plan_id", "publication", ["plan_id"])


def downgrade() -> None:
    op.drop_table("publication")
    op.drop_table("service_day")
    op.drop_index("uq_plan_parent_id", "plan")
    with op.batch_alter_table("plan") as plan:
        plan.drop_constraint("fk_plan_problem_from", type_="foreignkey")
        plan.drop_constraint("fk_plan_parent_id", type_="foreignkey")
        for name in ("discarded_at", "edits", "revision", "problem_from", "parent_id", "places"):
            plan.drop_column(name)
        plan.alter_column("routes_geojson", existing_type=sa.LargeBinary(), nullable=False)
        plan.alter_column("run_id", existing_type=sqlmodel.AutoString(), nullable=False)
