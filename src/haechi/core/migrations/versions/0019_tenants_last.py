"""A tenant of the model gateway, once made known, survives a crash of the database."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The statements stand in the SQL file beside this one."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """A restored backup is the way back."""
    raise NotImplementedError("되돌리기는 백업 복원으로 합니다: haechi restore")
