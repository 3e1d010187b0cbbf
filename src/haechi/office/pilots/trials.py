"""Trials as people meet them: taking part and leaving, the diary, the survey, texts for blind rating, the ratings, the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.engines.text.personal_data import find
from haechi.office.cases import rows
from haechi.office.cases.people import standing_of
from haechi.office.pilots.results import Results, results
from haechi.office.rounds import answers_of

KIND = "pilot"
ARMS = {"without": ("도구 없이", "Without the tool"), "with": ("도구와 함께", "With the tool")}
SECRET = frozenset({"resident", "foreigner", "licence", "passport", "card", "account", "rrn", "frn", "driver_license"})
DONE = ("measured", "expanded", "stopped")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the diary. usual_minutes: how long the same took without the tool, as the person judges it."""

    day: date
    task: str
    minutes: int
    usual_minutes: int
    note: str = ""


class Pilots:
    """Trials with people."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- who takes part ----------------------------------------------------------------------------------------------

    def enrol(self, actor: Actor, case_id: str, subjects: Sequence[str]) -> int:
        """Ask people to take part; how many were added. Forbidden to others than the lead and the AI team; Conflict when the
        trial has begun; NotFound for somebody without an account. One transaction for all."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id, lock=True)
            _runs(tx, case)
            _in(case, ("preparing",), "참여자는 실증을 시작하기 전에 모읍니다.")
            people = {
                row["subject"]: row
                for row in tx.all(
                    """select 'user:' || id::text as subject, name, coalesce(bureau, '') as bureau from users
                    where active and not roles = '{citizen}' and 'user:' || id::text = any (:subjects)""",
                    subjects=list(subjects),
                )
            }
            missing = sorted(set(subjects) - set(people))
            if missing:
                raise NotFound("계정이 없는 사람이 있습니다.", next_step="사람 목록에서 고르세요.", record=missing[0])
            return self._add(tx, case, [people[subject] for subject in dict.fromkeys(subjects)])

    def enrol_logins(self, actor: Actor, case_id: str, logins: Sequence[str]) -> int:
        """As `enrol`, by login names. NotFound names the first that nobody has."""
        wanted = [login.lower() for login in logins]
        with self._store.transaction(actor) as tx:
            known = {
                row["login"]: row["subject"]
                for row in tx.all(
                    "select login, 'user:' || id::text as subject from users where active and login = any (:logins)",
                    logins=wanted,
                )
            }
        missing = [login for login in wanted if login not in known]
        if missing or not wanted:
            raise InvalidInput(
                f"계정이 없습니다: {', '.join(missing[:5])}" if missing else "아이디가 비었습니다.",
                next_step="아이디를 한 줄에 하나씩 적으세요.",
                record="logins",
            )
        return self.enrol(actor, case_id, [known[login] for login in wanted])

    def asked(self, actor: Actor, case_id: str) -> tuple[Row, list[str]]:
        """The case and the survey's questions, for whoever may see the trial."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            return case, questions(answers_of(tx, case["id"], "pilot_plan"))

    def _add(self, tx: Transaction, case: Row, people: Sequence[Row]) -> int:
        standing = standing_of(tx, case)
        taken = {*standing.recused, *standing.parts.get("rater", ()), *standing.parts.get("lead", ())}
        number = int(tx.value("select coalesce(max(number), 0) from pilot_people where case_id = :id", id=case["id"]))
        known = {
            row["subject"] for row in tx.all("select subject from pilot_people where case_id = :id", id=case["id"])
        }
        added = 0
        for person in people:
            if person["subject"] in taken | known:
                continue
            added += 1
            tx.run(
                """insert into pilot_people (case_id, number, subject, name, bureau, joined_at)
                values (:case, :number, :subject, :name, :bureau, :now)""",
                {"case": case["id"], "number": number + added, "now": clock.now(), **person},
            )
            tx.run(
                """insert into case_people (case_id, part, subject, name, party, named_at, named_by)
                values (:case, 'participant', :subject, :name, true, :now, :by) on conflict do nothing""",
                {"case": case["id"], "subject": person["subject"], "name": person["name"], "now": clock.now(), "by": tx.actor.subject},
            )  # fmt: skip
            text = (f"‘{case['title']}’ 실증에 참여해 달라는 요청이 왔습니다. 동의 여부를 정해 주세요.",
                    f"You are asked to take part in {case['number']}.")  # fmt: skip
            rows.notify(
                tx, [person["subject"]], "pilot_asked", text, case=case, key=f"{case['id']}:{person['subject']}"
            )
        rows.step(tx, case, "enrolled", detail={"people": added})
        return added

    def agree(self, actor: Actor, case_id: str) -> None:
        """Take part. NotFound for somebody who was not asked; agreeing twice changes nothing."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            done = tx.run(
                """update pilot_people set agreed_at = coalesce(agreed_at, :now)
                where case_id = :id and subject = :me and left_at is null""",
                {"now": clock.now(), "id": case["id"], "me": actor.subject},
            )
            if not done:
                raise NotFound(
                    "참여 요청을 받지 않았거나 이미 그만두었습니다.",
                    next_step="실증 책임자에게 알리세요.",
                    record=case["number"],
                )

    def leave(self, actor: Actor, case_id: str) -> None:
        """Stop taking part: everything of theirs is deleted; only that somebody left is kept. NotFound for others."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            if case["state"] in DONE:
                raise Conflict("결과가 이미 정리되었습니다.", next_step="AI팀에 요청하세요.", record=case["number"])
            if tx.value("select haechi_pilot_leave(cast(:id as uuid), :now)", id=case["id"], now=clock.now()) is None:
                raise NotFound("참여하고 있지 않습니다.", next_step="화면을 새로 고치세요.", record=case["number"])

    # --- what participants write -------------------------------------------------------------------------------------

    def write(self, actor: Actor, case_id: str, entry: Entry, *, key: str = "") -> None:
        """A line of one's diary; the same key writes one. Conflict outside of the trial's time; InvalidInput for a day that is
        not in it, minutes outside 1–1440, or data that must not stand there."""
        _plain(entry.task, entry.note)
        if not entry.task.strip() or not (1 <= entry.minutes <= 1440 and 1 <= entry.usual_minutes <= 1440):
            raise InvalidInput(
                "업무와 걸린 시간(1~1,440분)을 적으세요.", next_step="두 시간을 모두 분으로 적으세요.", record="minutes"
            )
        with self._store.transaction(actor) as tx:
            case, number = self._mine(tx, case_id, ("running",))
            begins, ends = case["facts"].get("starts_on", ""), case["facts"].get("ends_on", "")
            if not begins <= entry.day.isoformat() <= min(ends, clock.today().isoformat()):
                raise InvalidInput(
                    f"실증 기간({begins}~{ends}) 안의 지난 날을 적으세요.", next_step="날짜를 확인하세요.", record="day"
                )
            tx.run(
                """insert into pilot_diary (id, case_id, number, day, task, minutes, usual_minutes, note, at, key)
                values (:id, :case, :number, :day, :task, :minutes, :usual, :note, :now, :key)
                on conflict (case_id, number, key) do nothing""",
                {
                    "id": clock.new_id(), "case": case["id"], "number": number, "day": entry.day, "task": entry.task.strip()[:300],
                    "minutes": entry.minutes, "usual": entry.usual_minutes, "note": entry.note.strip()[:2000],
                    "now": clock.now(), "key": key or None,
                },
            )  # fmt: skip

    def answer(self, actor: Actor, case_id: str, moment: str, values: Mapping[str, int]) -> None:
        """The survey before or after: 1–5 for every question of the plan, once. Conflict when it was answered, or is not the
        time; InvalidInput for a question left out."""
        when = {"before": ("preparing", "running"), "after": ("running", "rating")}.get(moment)
        if when is None:
            raise InvalidInput("어느 설문인지 알 수 없습니다.", next_step="화면을 새로 고치세요.", record=moment)
        with self._store.transaction(actor) as tx:
            case, number = self._mine(tx, case_id, when)
            asked = questions(answers_of(tx, case["id"], "pilot_plan"))
            if set(values) != set(asked) or not all(1 <= value <= 5 for value in values.values()):
                raise InvalidInput("모든 문항에 1~5점으로 답하세요.", next_step="빠진 문항을 채우세요.", record=moment)
            if self._answered(tx, case, number, moment):
                raise Conflict("이미 답한 설문입니다.", next_step="고치려면 실증 책임자에게 알리세요.", record=moment)
            for question in asked:
                tx.run(
                    """insert into pilot_surveys (case_id, number, moment, question, value, at)
                    values (:case, :number, :moment, :question, :value, :now)""",
                    {"case": case["id"], "number": number, "moment": moment, "question": question,
                     "value": values[question], "now": clock.now()},
                )  # fmt: skip

    def hand_in(self, actor: Actor, case_id: str, task: str, arm: str, content: str) -> None:
        """A text written without or with the tool, for raters who will not know which. Conflict when it was handed in."""
        _plain(task, content)
        if arm not in ARMS or not task.strip() or not content.strip():
            raise InvalidInput(
                "업무와 결과물을 적으세요.", next_step="도구 없이 쓴 것과 함께 쓴 것을 따로 내세요.", record="content"
            )
        with self._store.transaction(actor) as tx:
            case, number = self._mine(tx, case_id, ("preparing", "running"))
            added = tx.run(
                """insert into pilot_outputs (id, case_id, number, task, arm, content, at)
                values (:id, :case, :number, :task, :arm, :content, :now) on conflict (case_id, number, task, arm) do nothing""",
                {"id": clock.new_id(), "case": case["id"], "number": number, "task": task.strip()[:200], "arm": arm,
                 "content": content.strip()[:20_000], "now": clock.now()},
            )  # fmt: skip
            if not added:
                raise Conflict(
                    "같은 업무의 결과물을 이미 냈습니다.", next_step="업무 이름을 달리 적으세요.", record=task
                )

    def mine(self, actor: Actor, case_id: str) -> dict[str, Any]:
        """What a participant sees of their part: number, agreed, diary, which surveys are done, texts. {} for others."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            me = tx.one(
                """select number, agreed_at, left_at from pilot_people where case_id = :id and subject = :me""",
                id=case["id"],
                me=actor.subject,
            )
            if me is None or me["left_at"] is not None:
                return {}
            of = {"id": case["id"], "number": me["number"]}
            return {
                **me,
                "diary": tx.all("""select day, task, minutes, usual_minutes, note from pilot_diary
                    where case_id = :id and number = :number order by day desc, at desc limit 50""", **of),
                "outputs": tx.all("""select task, arm from pilot_outputs where case_id = :id and number = :number
                    order by task, arm""", **of),
                "before": self._answered(tx, case, me["number"], "before"),
                "after": self._answered(tx, case, me["number"], "after"),
            }  # fmt: skip

    def _mine(self, tx: Transaction, case_id: str, states: Sequence[str]) -> tuple[Row, int]:
        case = _trial(tx, case_id)
        number = tx.value("select haechi_pilot_number(cast(:id as uuid))", id=case["id"])
        if number is None:
            raise Forbidden(
                "참여에 동의한 사람만 적을 수 있습니다.", next_step="먼저 참여에 동의하세요.", record=case["number"]
            )
        _in(case, states, "지금은 적을 수 있는 때가 아닙니다.")
        return case, int(number)

    def _answered(self, tx: Transaction, case: Row, number: int, moment: str) -> bool:
        return tx.value(
            "select 1 from pilot_surveys where case_id = :id and number = :number and moment = :moment limit 1",
            id=case["id"], number=number, moment=moment,
        ) is not None  # fmt: skip

    # --- raters ------------------------------------------------------------------------------------------------------

    def to_rate(self, actor: Actor, case_id: str) -> list[Row]:
        """id, task, content and one's own score of every text, in an order that tells nothing. [] for who is no rater."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            if case["state"] != "rating":
                return []
            return tx.all(
                """select b.id::text as id, b.task, b.content, r.score from haechi_pilot_blind(cast(:id as uuid)) b
                left join pilot_ratings r on r.output_id = b.id and r.rater = :me""",
                id=case["id"],
                me=actor.subject,
            )

    def rate(self, actor: Actor, case_id: str, output: str, score: int) -> None:
        """One's score of a text, 1–5; a later one replaces it while rating is open. Forbidden for who is no rater."""
        if not 1 <= score <= 5:
            raise InvalidInput("1~5점으로 매기세요.", next_step="점수를 고르세요.", record="score")
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            _in(case, ("rating",), "지금은 채점하는 때가 아닙니다.")
            if actor.subject not in standing_of(tx, case).parts.get("rater", ()):
                raise Forbidden("평가자만 채점합니다.", next_step="평가자에게 맡기세요.", record=case["number"])
            known = tx.value("select 1 from haechi_pilot_blind(cast(:id as uuid)) b where b.id = cast(:output as uuid)",
                             id=case["id"], output=rows.as_uuid(output))  # fmt: skip
            if known is None:
                raise NotFound("그런 결과물이 없습니다.", next_step="화면을 새로 고치세요.", record=output)
            tx.run(
                """insert into pilot_ratings (output_id, case_id, rater, score, at) values (:output, :case, :me, :score, :now)
                on conflict (output_id, rater) do update set score = excluded.score, at = excluded.at""",
                {"output": output, "case": case["id"], "me": actor.subject, "score": score, "now": clock.now()},
            )

    # --- what it came to ---------------------------------------------------------------------------------------------

    def standing(self, actor: Actor, case_id: str) -> dict[str, Any]:
        """Counts for those who run it: asked, agreed, left, diary entries, surveys, texts, ratings owed. No values: nobody
        peeks at the effect while it is measured."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            _runs(tx, case)
            return {"case": case, "plan": answers_of(tx, case["id"], "pilot_plan"), **counts(tx, case["id"])}

    def results(self, actor: Actor, case_id: str) -> Results:
        """The figures. Conflict before they were worked out; Forbidden to those who do not run it."""
        with self._store.transaction(actor) as tx:
            case = _trial(tx, case_id)
            _runs(tx, case)
            _in(case, DONE, "채점이 끝나고 결과를 계산한 뒤에 볼 수 있습니다.")
            return results_in(tx, case["id"])

    def listed(self, actor: Actor) -> list[Row]:
        """Trials that the actor sees, the newest first, with the part that they play."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"""select {rows.COLUMNS}, array(select p.part from case_people p where p.case_id = c.id and p.subject = :me
                  and p.recused_at is null) as parts from cases c where c.kind = :kind order by c.opened_at desc, c.id limit 100""",
                me=actor.subject,
                kind=KIND,
            )


def questions(plan: Mapping[str, Any]) -> list[str]:
    """The survey's questions as the plan lists them."""
    return [str(row["question"]) for row in plan.get("survey") or []]


def counts(tx: Transaction, case_id: str) -> dict[str, Any]:
    """asked, agreed, left, entries, writers, before, after, outputs, pairs, owed (rater → texts without their score)."""
    found = tx.one(
        """select count(*) as asked, count(*) filter (where agreed_at is not null and left_at is null) as agreed,
          count(*) filter (where left_at is not null) as "left",
          (select count(*) from pilot_diary d where d.case_id = :id) as entries,
          (select count(distinct d.number) from pilot_diary d where d.case_id = :id) as writers,
          (select count(distinct s.number) from pilot_surveys s where s.case_id = :id and s.moment = 'before') as before,
          (select count(distinct s.number) from pilot_surveys s where s.case_id = :id and s.moment = 'after') as after,
          (select count(*) from pilot_outputs o where o.case_id = :id) as outputs,
          (select count(*) from (select 1 from pilot_outputs o where o.case_id = :id
            group by o.number, o.task having count(*) = 2) both_arms) as pairs
        from pilot_people where case_id = :id""",
        id=case_id,
    )
    owed = tx.all("select rater, owed from haechi_pilot_owed(cast(:id as uuid))", id=case_id)
    return {**(found or {}), "owed": {row["rater"]: int(row["owed"]) for row in owed}}


def results_in(tx: Transaction, case_id: str) -> Results:
    """The figures from what is stored, at the level of confidence in force."""
    of = {"id": case_id}
    people = int(counts(tx, case_id).get("agreed") or 0)
    return results(
        people,
        tx.all(
            "select number, minutes, usual_minutes from pilot_diary where case_id = :id order by number, at, id", **of
        ),
        tx.all(
            "select number, moment, question, value from pilot_surveys where case_id = :id order by question, number",
            **of,
        ),
        tx.all("select id::text as id, number, task, arm from pilot_outputs where case_id = :id order by id", **of),
        tx.all("select output_id::text as output_id, rater, score from pilot_ratings where case_id = :id", **of),
        level=float(parameter("pilot.confidence", on=clock.today()).value),
    )


def _trial(tx: Transaction, case_id: str, *, lock: bool = False) -> Row:
    case = rows.found(tx, case_id, lock=lock)
    if case["kind"] != KIND:
        raise NotFound("그런 실증이 없습니다.", next_step="목록에서 다시 고르세요.", record=case_id)
    return case


def _runs(tx: Transaction, case: Row) -> None:
    if not tx.value("select haechi_pilot_runs(cast(:id as uuid))", id=case["id"]):
        raise Forbidden(
            "실증을 맡은 사람만 볼 수 있습니다.", next_step="실증 책임자에게 알리세요.", record=case["number"]
        )


def _in(case: Row, states: Sequence[str], why: str) -> None:
    if case["state"] not in states:
        raise Conflict(why, next_step="건의 화면에서 지금 상태를 확인하세요.", record=case["number"])


def _plain(*texts: str) -> None:
    found = {one.kind for text in texts for one in find(text)} & SECRET
    if found:
        raise InvalidInput(
            "주민등록번호나 계좌번호처럼 적으면 안 되는 개인정보가 있습니다.",
            next_step="지우거나 가린 뒤 다시 내세요.",
            record=", ".join(sorted(found)),
        )
