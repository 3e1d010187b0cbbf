"""Slows down guessing: failed sign-ins are counted by login and by address, and the wait doubles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from haechi.core import clock
from haechi.core.errors import TooManyRequests
from haechi.core.store import Transaction


@dataclass(frozen=True, slots=True)
class Limit:
    """free: attempts without a wait. Then 2 s, 4 s, 8 s … up to `longest`. forget: quiet time after which all is forgotten.

    An address is given more than a login, because a whole office may stand behind one.
    """

    free: int
    longest: timedelta = timedelta(minutes=15)
    forget: timedelta = timedelta(hours=24)


LOGIN = Limit(free=5)
ADDRESS = Limit(free=50)

# Counted before the password is looked at, in one statement on one row: a hundred guesses at the same moment are a
# hundred counts. A wait further away than the longest is a clock that was set back, and does not bind.
_COUNT = """
insert into login_attempts as a (subject, failures, first_at, locked_until) values (:subject, 1, :now, null)
on conflict (subject) do update set
  failures = case when greatest(a.first_at, a.locked_until) < :forgotten then 1 else a.failures + 1 end,
  first_at = case when greatest(a.first_at, a.locked_until) < :forgotten then :now else a.first_at end,
  locked_until = case when a.failures < :free or greatest(a.first_at, a.locked_until) < :forgotten then null
    else :now + least(:longest, (2 ^ least(a.failures + 1 - :free, 20)) * interval '1 second') end
where a.locked_until is null or a.locked_until <= :now or a.locked_until > :now + :longest
returning a.failures
"""


def count_attempt(tx: Transaction, subjects: Sequence[tuple[str, Limit]]) -> None:
    """Count one attempt for each subject ('login:…', 'address:…'); TooManyRequests when one of them must wait.

    The order of subjects must be the same everywhere (logins before addresses): their rows stay locked to the end.
    """
    now = clock.now()
    for subject, limit in subjects:
        values = {"subject": subject, "now": now, "forgotten": now - limit.forget, "free": limit.free}
        if tx.value(_COUNT, **values, longest=limit.longest) is None:
            until = tx.value("select locked_until from login_attempts where subject = :subject", subject=subject)
            wait = max(1, math.ceil((until - now).total_seconds())) if until is not None else 1
            raise TooManyRequests(
                "로그인 시도가 너무 많습니다.",
                retry_after=wait,
                next_step=f"{wait:,}초 뒤에 다시 시도하세요. 비밀번호를 잊었으면 관리자에게 초기화를 요청하세요.",
            )


def forgive(tx: Transaction, login_subject: str, address_subject: str) -> None:
    """After a success: the login starts anew, and the address gets this one attempt back."""
    tx.run("delete from login_attempts where subject = :subject", {"subject": login_subject})
    tx.run(
        "update login_attempts set failures = greatest(failures - 1, 0), locked_until = null where subject = :subject",
        {"subject": address_subject},
    )
