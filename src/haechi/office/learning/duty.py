"""The yearly AI duty: how many hours a role owes, what was done, who still owes something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from haechi.core import audit, clock
from haechi.core.errors import InvalidInput
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import rows

HOUR = 60


@dataclass(frozen=True, slots=True)
class Duty:
    """required_hours, done_hours: of the year. met: nothing is owed any more. why: (ko, en), for the person themselves."""

    required_hours: float
    done_hours: float
    met: bool
    why: tuple[str, str]


def role_minutes(year: int) -> Mapping[str, int]:
    """Role → minutes of that year, by the value in force on its last day."""
    told = parameter("learning.duty_hours", on=date(year, 12, 31)).value
    return {str(role): round(float(hours) * HOUR) for role, hours in told.items()}


def last_day(year: int) -> date:
    """The day by which the duty is to be done."""
    month, day = str(parameter("learning.duty_day", on=date(year, 12, 31)).value).split("-")
    return date(year, int(month), int(day))


def required_minutes(roles: Iterable[str], minutes: Mapping[str, int]) -> int:
    """The most that any of the roles owes; 0 for roles that owe nothing."""
    return max((minutes.get(role, 0) for role in roles), default=0)


def duty_of(tx: Transaction, subject: str, year: int) -> Duty:
    """What one person owes and did; by the caller's own right to see it (themselves, the AI team, the auditor, the worker).

    A person without an account ('user:<id>') owes nothing and has done nothing: not met, because it is not known.
    """
    roles = tx.value("select roles from users where 'user:' || id = :subject and active", subject=subject)
    if roles is None:
        return Duty(
            0, 0, False, ("계정이 없어 의무이수를 확인할 수 없습니다.", "No account, so the duty is not known.")
        )
    excused = tx.one(
        "select minutes, why from duty_exceptions where year = :year and subject = :subject", year=year, subject=subject
    )
    required = int(excused["minutes"]) if excused else required_minutes(roles, role_minutes(year))
    done = int(
        tx.value(
            "select coalesce(sum(minutes), 0) from enrolments where subject = :s and year = :y and completed_at is not null",
            s=subject,
            y=year,
        )
    )
    return told(required, done, year, str(excused["why"]) if excused else "")


def told(required: int, done: int, year: int, excused: str = "") -> Duty:
    """The duty in words. required, done: minutes."""
    met, left = done >= required, max(0, required - done)
    because = (f" 예외: {excused}", " With an exception.") if excused else ("", "")
    if met:
        why = (f"{year}년 의무 {hours(required)}시간 가운데 {hours(done)}시간을 이수했습니다.", f"{year}: duty done.")
    else:
        why = (
            f"{year}년 의무 {hours(required)}시간 가운데 {hours(left)}시간이 남았습니다.",
            f"{year}: {hours(left)} h of {hours(required)} h are still owed.",
        )
    return Duty(required / HOUR, done / HOUR, met, (why[0] + because[0], why[1] + because[1]))


def hours(minutes: int) -> str:
    """Minutes as hours, without a needless fraction."""
    return f"{minutes / HOUR:.1f}".removesuffix(".0")


class Duties:
    """Rates by bureau, who still owes something, and who looks after whom. `store`: under haechi_app."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def mine(self, actor: Actor, year: int) -> Duty:
        """One's own."""
        with self._store.transaction(actor) as tx:
            return duty_of(tx, actor.subject, year)

    def rates(self, actor: Actor, year: int) -> list[Row]:
        """bureau, people, met, excused, percent (one decimal) of each bureau; all staff may see them."""
        require(actor, "office.see")
        with self._store.transaction(actor) as tx:
            found = tx.all(
                "select * from haechi_duty_rates(:year, cast(:minutes as jsonb))",
                year=year, minutes=rows.as_json(role_minutes(year)),
            )  # fmt: skip
        return [{**row, "percent": round(100 * row["met"] / row["people"], 1)} for row in found]

    def gaps(self, actor: Actor, year: int) -> list[Row]:
        """Who still owes something: of the actor's own bureau for whoever looks after it, of all for the AI team and the
        auditor, nobody for others. subject, name, bureau, required, done (minutes)."""
        require(actor, "office.see")
        with self._store.transaction(actor) as tx:
            return tx.all(
                "select * from haechi_duty_gaps(:year, cast(:minutes as jsonb))",
                year=year, minutes=rows.as_json(role_minutes(year)),
            )  # fmt: skip

    def heads(self, actor: Actor) -> list[Row]:
        """bureau, subject, name of those who look after a bureau's duty."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select h.bureau, h.subject, u.name from duty_heads h join users u on 'user:' || u.id = h.subject
                order by h.bureau, u.name"""
            )

    def name_head(self, actor: Actor, bureau: str, login: str) -> None:
        """Let somebody of a bureau look after its duty. InvalidInput when they are not of that bureau."""
        require(actor, "learning.manage")
        with self._store.transaction(actor) as tx:
            found = tx.value(
                "select 'user:' || id from users where login = :login and bureau = :bureau and active",
                login=login.strip().lower(), bureau=bureau,
            )  # fmt: skip
            if found is None:
                raise InvalidInput(
                    f"{bureau}에 그런 직원이 없습니다.", next_step="그 부서 직원의 아이디를 적으세요.", record=login
                )
            tx.run(
                """insert into duty_heads (bureau, subject, named_at, named_by) values (:bureau, :subject, :now, :by)
                on conflict do nothing""",
                {"bureau": bureau, "subject": found, "now": clock.now(), "by": actor.subject},
            )
            audit.record(tx, "learning.head", f"bureau:{bureau}", {"subject": found})


def remind(store: Store) -> int:
    """Put a reminder into the inbox of everybody who still owes something, on each of the days before the last one. The
    worker's; `store`: under haechi_worker. How many lines were written; asking again the same day writes none."""
    today = clock.today()
    last = last_day(today.year)
    days = sorted(int(n) for n in parameter("learning.duty_remind_days", on=today).value)
    step = next((n for n in days if (last - today).days <= n), None)
    if step is None or today > last:
        return 0
    with store.transaction(Actor(subject="system", name="시스템")) as tx:
        return tx.run(
            """insert into notices (id, to_tag, kind, text_ko, text_en, address, at, key)
            select gen_random_uuid(), subject, 'duty_reminder',
              :year || '년 AI 의무이수가 ' || trim(to_char((required - done) / 60.0, 'FM990.9'), '.') || '시간 남았습니다. ' || :last || '까지 이수하세요.',
              'Your AI duty of ' || :year || ' is not done; last day ' || :last, '/learning', :now, 'duty:' || :year || ':' || :step || ':' || subject
            from haechi_duty_rows(cast(:year as integer), cast(:minutes as jsonb)) where done < required
            on conflict (key) do nothing""",
            {
                "year": str(today.year), "last": f"{last:%-m월 %-d일}", "now": clock.now(), "step": str(step),
                "minutes": rows.as_json(role_minutes(today.year)),
            },
        )  # fmt: skip
