"""Version 2: commands to devices, and every step of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Two tables; what is there already is not touched."""
    op.create_table(
        "commands",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("vehicle_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("created_time", sa.Double, nullable=False),
        sa.Column("expires_time", sa.Double, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("is_open", sa.SmallInteger, nullable=False),
    )
    op.create_index("commands_of_vehicle", "commands", ["vehicle_id", "created_time", "id"])
    op.create_index("commands_by_state", "commands", ["is_open", "created_time"])
    op.create_table(
        "command_transitions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("reply", sa.Text),
        sa.Column("reference", sa.Integer),
    )
    op.create_index("transitions_of_command", "command_transitions", ["command_id"])
