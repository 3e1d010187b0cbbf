"""How long who learnt what is kept."""

from __future__ import annotations

from haechi.core import clock
from haechi.core.store import Transaction

KEEP_YEARS = 5


def purge(tx: Transaction) -> dict[str, int]:
    """Take the names out of records older than five years; how many sat in which course stays, and so does every certificate
    that was handed out, because its holder may have to prove it. The daily chores'."""
    last = clock.today().year - KEEP_YEARS
    tests = tx.run(
        """delete from course_attempts where enrolment_id in
        (select id from enrolments where year < :last and subject not like 'purged:%')""",
        {"last": last},
    )
    names = tx.run(
        """update enrolments set subject = 'purged:' || id, name = '', checked_in_by = '' where year < :last
        and subject not like 'purged:%'""",
        {"last": last},
    )
    excuses = tx.run("delete from duty_exceptions where year < :last", {"last": last})
    return {"learning_tests": tests, "learning_records": names, "duty_exceptions": excuses}
