"""Give jobs the indices by which they are counted and picked, however many wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the indices; the one that they take the place of goes."""
    op.create_index("ix_jobs_tenant_state", "jobs", ["tenant", "state"])
    op.create_index("ix_jobs_state_owner_created_at_us", "jobs", ["state", "owner", "created_at_us"])
    op.create_index("ix_jobs_state_priority_created_at_us", "jobs", ["state", "priority", "created_at_us"])
    op.create_index(
        "ix_jobs_untold",
        "jobs",
        ["ended_at_us"],
        sqlite_where=sa.text("is_told IS 0"),
        postgresql_where=sa.text("is_told IS false"),
    )
    op.drop_index("ix_jobs_state_not_before_us", "jobs")
