"""What is due: planned when a case comes into a state, reminded of, passed up once when missed. Survives every restart,
because the times stand in the database and the worker looks at them every few seconds."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from haechi.core import clock
from haechi.core.store import SYSTEM, Row, Store, Transaction
from haechi.office.cases import rows
from haechi.office.cases.people import standing_of
from haechi.office.cases.policy import Policy
from haechi.office.flows import Calendar, Deadline, Flow, Standing

CLOSING = time(18, 0)
"""A day's deadline ends with the office's day."""
AT_A_TIME = 200


def plan(tx: Transaction, case: Row, flow: Flow, calendar: Calendar) -> Row:
    """Meet the deadlines of the states that the case left, begin those of the state it came to; the case with its due_at."""
    now = clock.now()
    for deadline in flow.deadlines.values():
        if case["state"] in deadline.states:
            _begin(tx, case, deadline, calendar, now)
        else:
            tx.run(
                "update case_deadlines set met_at = :now where case_id = :case and deadline = :id and met_at is null",
                {"now": now, "case": case["id"], "id": deadline.id},
            )
    due = tx.value("select min(due_at) from case_deadlines where case_id = :id and met_at is null", id=case["id"])
    tx.run("update cases set due_at = :due where id = :id", {"due": due, "id": case["id"]})
    return {**case, "due_at": due}


def _begin(tx: Transaction, case: Row, deadline: Deadline, calendar: Calendar, now: datetime) -> None:
    due = due_of(deadline, case, calendar, now)
    if due is None:
        return
    known = tx.value(
        "select 1 from case_deadlines where case_id = :case and deadline = :id and met_at is null",
        case=case["id"],
        id=deadline.id,
    )
    if known is not None:
        return
    remind = sorted(due - timedelta(days=days) for days in deadline.remind)
    tx.run(
        """insert into case_deadlines (id, case_id, deadline, since, due_at, remind_at)
        values (:new, :case, :id, :now, :due, :remind) on conflict do nothing""",
        {"new": clock.new_id(), "case": case["id"], "id": deadline.id, "now": now, "due": due, "remind": remind},
    )


def due_of(deadline: Deadline, case: Row, calendar: Calendar, now: datetime) -> datetime | None:
    """When it ends: hours from now; the day `days` from today at 18:00; the day of a fact at 18:00; None without the fact."""
    if deadline.hours:
        return now + timedelta(hours=deadline.hours)
    today = now.astimezone(clock.SEOUL).date()
    if deadline.fact:
        told = case["facts"].get(deadline.fact)
        if not told:
            return None
        day = datetime.fromisoformat(str(told)).date()
    else:
        day = calendar.after(today, deadline.days) if deadline.working else today + timedelta(days=deadline.days)
    return datetime.combine(day, CLOSING, clock.SEOUL)


def look_over(store: Store, policy: Policy) -> dict[str, int]:
    """One round of the worker; counts by name. Each deadline is a transaction of its own, skipped while somebody else holds
    it, so that two workers send nothing twice."""
    now = clock.now()
    return {
        "case_reminded": _each(store, policy, "d.remind_at[d.reminded + 1] <= :now and d.due_at > :now", _remind, now),
        "case_overdue": _each(store, policy, "d.due_at <= :now and d.escalated_at is null", _escalate, now),
        "case_tasks_overdue": _tasks(store, now),
    }


def purge(tx: Transaction) -> dict[str, int]:
    """Cases past their day. Called by the daily chores."""
    return {
        "cases": tx.run(
            "delete from cases where closed_at is not null and purge_after <= :today", {"today": clock.today()}
        )
    }


def _each(store: Store, policy: Policy, where: str, work: object, now: datetime) -> int:
    assert callable(work)
    condition = f"d.met_at is null and {where}"
    with store.transaction(SYSTEM) as tx:
        ids = tx.all(
            f"select d.id::text as id from case_deadlines d where {condition} limit :most", most=AT_A_TIME, now=now
        )
    done = 0
    for one in ids:
        with store.transaction(SYSTEM) as tx:
            row = tx.one(
                f"""select d.id::text as id, d.case_id::text as case_id, d.deadline, d.due_at, d.reminded
                from case_deadlines d where d.id = :id and {condition} for update skip locked""",
                id=one["id"],
                now=now,
            )
            if row is not None:
                case = rows.found(tx, row["case_id"], lock=True)
                flow = policy.flow(case["flow"], case["flow_version"])
                work(tx, case, flow, row)
                done += 1
    return done


def _remind(tx: Transaction, case: Row, flow: Flow, row: Row) -> None:
    deadline = flow.deadlines[row["deadline"]]
    tx.run("update case_deadlines set reminded = reminded + 1 where id = :id", {"id": row["id"]})
    day = row["due_at"].astimezone(clock.SEOUL)
    text = (
        f"{case['number']} ‘{case['title']}’의 ‘{deadline.name[0]}’ 기한은 {day:%-m월 %-d일 %H:%M}입니다.",
        f"{case['number']}: {deadline.name[1]} is due {day:%Y-%m-%d %H:%M}.",
    )
    rows.notify(
        tx,
        _meant(deadline.to, standing_of(tx, case)),
        "case_reminder",
        text,
        case=case,
        key=f"{row['id']}:{row['reminded']}",
    )


def _escalate(tx: Transaction, case: Row, flow: Flow, row: Row) -> None:
    deadline = flow.deadlines[row["deadline"]]
    tx.run("update case_deadlines set escalated_at = :now where id = :id", {"now": clock.now(), "id": row["id"]})
    standing = standing_of(tx, case)
    text = (
        f"{case['number']} ‘{case['title']}’의 ‘{deadline.name[0]}’ 기한이 지났습니다.",
        f"{case['number']}: {deadline.name[1]} is overdue.",
    )
    rows.notify(
        tx,
        _meant((*deadline.to, *deadline.escalate), standing),
        "case_overdue",
        text,
        case=case,
        key=f"{row['id']}:late",
    )
    rows.step(tx, case, "overdue", by_machine=True, detail={"deadline": deadline.id, "due": row["due_at"].isoformat()})


def _tasks(store: Store, now: datetime) -> int:
    today = now.astimezone(clock.SEOUL).date()
    with store.transaction(SYSTEM) as tx:
        late = tx.all(
            """select t.id::text as id, t.case_id::text as case_id, t.text, t.owner, t.bureau from case_tasks t
            where t.due_on < :today and t.state = 'open' and t.overdue_at is null limit :most for update skip locked""",
            today=today,
            most=AT_A_TIME,
        )
        for task in late:
            tx.run("update case_tasks set overdue_at = :now where id = :id", {"now": now, "id": task["id"]})
            case = rows.found(tx, task["case_id"])
            tag = task["owner"] or f"bureau:{task['bureau']}"
            text = (
                f"{case['number']}: 할 일 ‘{task['text'][:80]}’의 기한이 지났습니다.",
                f"{case['number']}: a task is overdue.",
            )
            rows.notify(tx, [tag, "role:ai_team"], "task_overdue", text, case=case, key=f"task:{task['id']}")
        return len(late)


def _meant(whos: tuple[str, ...], standing: Standing) -> list[str]:
    from haechi.office.cases.book import tags_of

    return [tag for who in whos for tag in tags_of(who, standing)]
