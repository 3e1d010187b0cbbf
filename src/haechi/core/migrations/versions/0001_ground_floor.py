"""The ground floor: people, register, library, conversations."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything; the statements stand in the SQL file beside this one."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """There is no floor below the ground floor: restore a backup instead."""
    raise NotImplementedError("되돌리기는 백업 복원으로 합니다: haechi restore")
