"""Readings: devices, what they and people said, and what is kept aside.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    long_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "device",
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("id", sqlmodel.AutoString(), nullable=False),
        sa.Column("container", sqlmodel.AutoString(), nullable=True),
        sa.Column("codec", sqlmodel.AutoString(), nullable=True),
        sa.Column("empty_mm", sa.Float(), nullable=True),
        sa.Column("full_mm", sa.Float(), nullable=True),
        sa.Column("offset_mm", sa.Float(), nullable=False),
        sa.Column("shape", sqlmodel.AutoString(), nullable=False),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_device_city_id"),
        sa.PrimaryKeyConstraint("city_id", "id", name="pk_device"),
    )
    op.create_table(
        "reading",
        sa.Column("id", long_key, nullable=False),
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("device", sqlmodel.AutoString(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("session", sqlmodel.AutoString(), nullable=False),
        sa.Column("container", sqlmodel.AutoString(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.AutoString(), nullable=False),
        sa.Column("fill", sa.Float(), nullable=True),
        sa.Column("kg", sa.Float(), nullable=True),
        sa.Column("distance_mm", sa.Float(), nullable=True),
        sa.Column("battery", sa.Float(), nullable=True),
        sa.Column("temperature_c", sa.Float(), nullable=True),
        sa.Column("tilted", sa.Boolean(), nullable=False),
        sa.Column("source", sqlmodel.AutoString(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reading"),
        sa.UniqueConstraint(
            "city_id", "device", "counter", "time_us", name="uq_reading_city_id_device_counter_time_us"
        ),
    )
    op.create_index("ix_reading_city_id_container_time_us", "reading", ["city_id", "container", "time_us"])
    op.create_table(
        "quarantine",
        sa.Column("id", long_key, nullable=False),
        sa.Column("city_id", sqlmodel.AutoString(), nullable=False),
        sa.Column("digest", sqlmodel.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.AutoString(), nullable=False),
        sa.Column("detail", sqlmodel.AutoString(), nullable=False),
        sa.Column("device", sqlmodel.AutoString(), nullable=True),
        sa.Column("container", sqlmodel.AutoString(), nullable=True),
        sa.Column("raw", sqlmodel.AutoString(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint("city_id", "digest", name="uq_quarantine_city_id_digest"),
    )


def downgrade() -> None:
    for table in ("quarantine", "reading", "device"):
        op.drop_table(table)
