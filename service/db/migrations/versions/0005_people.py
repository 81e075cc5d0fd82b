"""People: accounts, sessions, keys, drivers' links, and what was done.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    long_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    text, moment = sqlmodel.AutoString(), sa.DateTime(timezone=True)
    op.create_table(
        "account",
        sa.Column("id", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("password_hash", text, nullable=True),
        sa.Column("role", text, nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "membership",
        sa.Column("account_id", text, nullable=False),
        sa.Column("city_id", text, nullable=False),
        sa.Column("role", text, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_membership_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_membership_city_id"),
        sa.PrimaryKeyConstraint("account_id", "city_id", name="pk_membership"),
    )
    op.create_index("ix_membership_city_id", "membership", ["city_id"])
    op.create_table(
        "sign_in",
        sa.Column("id", text, nullable=False),
        sa.Column("account_id", text, nullable=False),
        sa.Column("refresh_hash", text, nullable=False),
        sa.Column("previous_hash", text, nullable=True),
        sa.Column("rotated_at", moment, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_sign_in_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in"),
    )
    op.create_index("ix_sign_in_account_id", "sign_in", ["account_id"])
    op.create_table(
        "sign_in_failure",
        sa.Column("key", text, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_failure"),
    )
    op.create_index("ix_sign_in_failure_last_at", "sign_in_failure", ["last_at"])
    op.create_table(
        "api_key",
        sa.Column("id", text, nullable=False),
        sa.Column("city_id", text, nullable=True),
        sa.Column("role", text, nullable=False),
        sa.Column("device", text, nullable=True),
        sa.Column("label", text, nullable=False),
        sa.Column("secret_hash", text, nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("created_by", text, nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_api_key_city_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("secret_hash", name="uq_api_key_secret_hash"),
    )
    op.create_index("ix_api_key_city_id", "api_key", ["city_id"])
    op.create_table(
        "nonce",
        sa.Column("key_id", text, nullable=False),
        sa.Column("nonce", text, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "nonce", name="pk_nonce"),
    )
    op.create_index("ix_nonce_seen_at", "nonce", ["seen_at"])
    op.create_table(
        "driver_link",
        sa.Column("id", text, nullable=False),
        sa.Column("city_id", text, nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("shift", text, nullable=False),
        sa.Column("code_hash", text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("created_by", text, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_driver_link_city_id"),
        sa.PrimaryKeyConstraint("id", name="pk_driver_link"),
        sa.UniqueConstraint("code_hash", name="uq_driver_link_code_hash"),
    )
    op.create_index("ix_driver_link_city_id_service_date_shift", "driver_link", ["city_id", "service_date", "shift"])
    op.create_table(
        "audit",
        sa.Column("id", long_key, nullable=False),
        sa.Column("city_id", text, nullable=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("who", text, nullable=False),
        sa.Column("operation", text, nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("request_id", text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_city_id_id", "audit", ["city_id", "id"])


def downgrade() -> None:
    for table in (
        "audit",
        "driver_link",
        "nonce",
        "api_key",
        "sign_in_failure",
        "sign_in",
        "membership",
        "account",
    ):
        op.drop_table(table)
