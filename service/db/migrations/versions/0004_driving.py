"""Driving: what phones report, phones that were erased, changes to the streets that are stated, re-plans.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    long_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "driver_event",
        sa.Column("id", long_key, nullable=False),
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("phone", sqlmodel.AutoString(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("shift", sqlmodel.AutoString(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.AutoString(), nullable=True),
        sa.Column("plan_id", sqlmodel.AutoString(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("digest", sqlmodel.AutoString(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_driver_event_city_id"),
        sa.PrimaryKeyConstraint("id", name="pk_driver_event"),
        sa.UniqueConstraint("city_id", "phone", "sequence", name="uq_driver_event_city_id_phone_sequence"),
    )
    op.create_index("ix_driver_event_city_id_service_date_shift", "driver_event", ["city_id", "service_date", "shift"])
    op.create_index("ix_driver_event_kind_time_us", "driver_event", ["kind", "time_us"])
    op.create_table(
        "erased_phone",
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("digest", sqlmodel.AutoString(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_erased_phone_city_id"),
        sa.PrimaryKeyConstraint("city_id", "digest", name="pk_erased_phone"),
    )
    op.create_table(
        "overlay",
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("id", sqlmodel.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.AutoString(), nullable=False),
        sa.Column("note", sqlmodel.AutoString(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=False),
        sa.Column("geometry", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_overlay_city_id"),
        sa.PrimaryKeyConstraint("city_id", "id", name="pk_overlay"),
    )
    op.create_table(
        "plan_streets",
        sa.Column("plan_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("overlays", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_plan_streets_plan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", name="pk_plan_streets"),
    )
    op.create_table(
        "replan",
        sa.Column("run_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("base_plan_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("at_s", sa.Integer(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_replan_run_id"),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_replan_city_id"),
        sa.ForeignKeyConstraint(["base_plan_id"], ["plan.id"], name="fk_replan_base_plan_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_replan"),
    )


def downgrade() -> None:
    for table in ("replan", "plan_streets", "overlay", "erased_phone", "driver_event"):
        op.drop_table(table)
