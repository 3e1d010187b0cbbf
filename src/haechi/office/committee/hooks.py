"""What hangs on the two flows of the committee: quorum, recusal before anything is seen, counting, minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Cases, Finding, Hooks, rows
from haechi.office.committee import seats
from haechi.office.committee.papers import convening, minutes
from haechi.office.rounds import answers_of, related

MEETING, ITEM = "committee_meeting", "committee_item"
OUTCOMES: Mapping[str, str] = {"pass": "adopt", "pass_conditionally": "adopt", "reject": "give_back"}
"""What a resolution lets a plan do that waits for it."""
_BALLOTS = {"찬성": "yes", "반대": "no", "기권": "abstained"}


def hang(hooks: Hooks, cases: Callable[[], Cases]) -> None:
    """Onto the flows' steps. cases: the book under the actor's own rights, asked for when it is needed."""
    hooks.check("committee_has_items", has_items)
    hooks.check("committee_quorum", quorum)
    hooks.check("committee_all_decided", all_decided)
    hooks.check("committee_on_agenda", on_agenda)
    hooks.check("committee_item_quorum", item_quorum)
    hooks.check("committee_votes_in", votes_in)
    hooks.check("committee_carried", lambda _, case: _result(case, carried=True))
    hooks.check("committee_not_carried", lambda _, case: _result(case, carried=False))
    hooks.work[f"{MEETING}.convene"] = body_and_day
    hooks.work[f"{ITEM}.table"] = body_of_meeting
    hooks.work[f"{ITEM}.announce"] = count
    hooks.effect(f"{MEETING}.convene", lambda tx, case, _: invite(tx, case, cases()))
    hooks.effect(f"{ITEM}.table", lambda tx, case, _: show(tx, case, cases()))
    for step, then in OUTCOMES.items():
        hooks.effect(f"{ITEM}.{step}", _back_to_parent(cases, then))
    hooks.letters["committee_convening"] = convening
    hooks.letters["committee_minutes"] = minutes


# --- meetings --------------------------------------------------------------------------------------------------------


def has_items(tx: Transaction, case: Row) -> Sequence[Finding]:
    """An agenda has an item, and a body acts on the day."""
    if not tx.value("select count(*) from committee_agenda where meeting = :id", id=case["id"]):
        return [
            _block(
                "committee_has_items",
                "안건이 없습니다. 상정을 기다리는 안건을 의사일정에 올리세요.",
                "The agenda is empty.",
            )
        ]
    return []


def body_and_day(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """Facts: the day, and the body that acts on it. Conflict while nobody has decided which."""
    day = date.fromisoformat(str(answers_of(tx, case["id"], MEETING)["held_on"]))
    acting = seats.acting(tx, day)
    if not acting:
        raise Conflict(
            "어느 위원회가 하는지 정해져 있지 않습니다.",
            next_step="위원회 화면에서 먼저 정하세요.",
            record=case["number"],
        )
    body = seats.body_of(acting, day)
    return {"held_on": day.isoformat(), "body_id": body.id, "body": body.name[0]}


def invite(tx: Transaction, case: Row, cases: Cases) -> None:
    """Everybody who serves on the day is a member of the meeting and is told of it."""
    for row in seats.sitting(tx, case["facts"]["body_id"], _day(case)):
        cases.people.put(tx, case, "member", row["subject"], row["name"])
        text = (
            f"{case['facts']['body']} 회의({case['facts']['held_on']})에 소집되었습니다: {case['title']}",
            f"You are called to the meeting of {case['facts']['held_on']}.",
        )
        rows.notify(tx, [row["subject"]], "committee_called", text, case=case, key=f"{case['id']}:{row['subject']}")


def quorum(tx: Transaction, case: Row) -> Sequence[Finding]:
    """More than the rule's share of the members are present."""
    members, present = _members(tx, case["id"]), _present(tx, case["id"])
    return _enough(len(members), len(present & members), _day(case))


def all_decided(tx: Transaction, case: Row) -> Sequence[Finding]:
    """No item is left between tabling and declaration."""
    waiting = tx.all(
        """select c.number from committee_agenda a join cases c on c.id = a.item
        where a.meeting = :id and c.state in ('tabled', 'voting', 'counted') order by a.position""",
        id=case["id"],
    )
    if waiting:
        named = ", ".join(row["number"] for row in waiting)
        return [
            _block(
                "committee_all_decided",
                f"아직 끝나지 않은 안건이 있습니다: {named}. 선포하거나 다음 회의로 미루세요.",
                "Items are open.",
            )
        ]
    return []


# --- items -----------------------------------------------------------------------------------------------------------


def meeting_of(tx: Transaction, item: Row) -> Row:
    """The meeting on whose agenda it stands. Conflict when on none."""
    found = tx.value("select meeting::text from committee_agenda where item = :id", id=item["id"])
    if found is None:
        raise Conflict(
            "의사일정에 없는 안건입니다.", next_step="먼저 회의의 의사일정에 올리세요.", record=item["number"]
        )
    return rows.found(tx, str(found))


def on_agenda(tx: Transaction, case: Row) -> Sequence[Finding]:
    """It stands on the agenda of a meeting that is convened or sits."""
    meeting = meeting_of(tx, case)
    if meeting["state"] not in ("convened", "open"):
        return [
            _block(
                "committee_on_agenda",
                f"‘{meeting['title']}’ 회의가 아직 소집되지 않았거나 끝났습니다.",
                "The meeting is not convened.",
            )
        ]
    return []


def body_of_meeting(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """Facts: which body decides it, when."""
    facts = meeting_of(tx, case)["facts"]
    return {"body": facts["body"], "body_id": facts["body_id"], "held_on": facts["held_on"]}


def show(tx: Transaction, case: Row, cases: Cases) -> None:
    """The members see the item; those who are related are kept out by law (제척) before they could open it."""
    told = str(answers_of(tx, case["id"], ITEM).get("parties") or "")
    parties = {case["subject"], *(name.strip() for name in told.split(",") if name.strip())}
    for row in seats.sitting(tx, case["facts"]["body_id"], _day(case)):
        why = related(seats.as_member(tx, row), case["bureau"], parties)
        if why:
            tx.run(
                "select haechi_recuse(cast(:case as uuid), :subject, '제척', :why, :by, :now)",
                {"case": case["id"], "subject": row["subject"], "why": why, "by": tx.actor.subject, "now": clock.now()},
            )
        else:
            cases.people.put(tx, case, "member", row["subject"], row["name"])


def item_quorum(tx: Transaction, case: Row) -> Sequence[Finding]:
    """The meeting sits, and enough of those who may vote on this item are there."""
    meeting = meeting_of(tx, case)
    if meeting["state"] != "open":
        return [_block("committee_item_quorum", "회의가 열린 뒤에 표결합니다.", "The meeting does not sit.")]
    return _enough(len(_members(tx, case["id"])), len(voters(tx, case)), _day(case))


def voters(tx: Transaction, item: Row) -> set[str]:
    """Members of the item who are present: subjects."""
    return _members(tx, item["id"]) & _present(tx, meeting_of(tx, item)["id"])


def votes_in(tx: Transaction, case: Row) -> Sequence[Finding]:
    """More than half of those present have voted; the others count as abstaining."""
    there = len(voters(tx, case))
    voted = int(tx.value("select count(*) from committee_voted where item = :id", id=case["id"]))
    if voted * 2 <= there:
        return [
            _block(
                "committee_votes_in",
                f"출석위원 {there}명 가운데 {voted}명만 표결했습니다. 과반수가 표결해야 합니다.",
                f"{voted} of {there} have voted.",
            )
        ]
    return []


def count(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """Facts: yes, no, abstained, present, carried. Of an open vote also who voted how; of a secret one nobody's."""
    tally: dict[str, Any] = dict.fromkeys(_BALLOTS.values(), 0)
    named: dict[str, list[str]] = {}
    for row in tx.all("select choice, n, names from haechi_count_ballots(cast(:id as uuid))", id=case["id"]):
        tally[_BALLOTS[row["choice"]]] = int(row["n"])
        if row["names"]:
            named[row["choice"]] = list(row["names"])
    present = len(voters(tx, case))
    tally["abstained"] += max(0, present - sum(tally.values()))
    share = float(parameter("committee.pass_above", on=_day(case)).value)
    return {**tally, "present": present, "carried": tally["yes"] > present * share, "named": named}


def _result(case: Row, *, carried: bool) -> Sequence[Finding]:
    facts = case["facts"]
    if facts["carried"] is carried:
        return []
    told = f"출석 {facts['present']}명, 찬성 {facts['yes']}명으로 {'가결' if facts['carried'] else '부결'}되었습니다. 표결과 다르게 선포할 수 없습니다."
    return [_block("committee_carried" if carried else "committee_not_carried", told, "The vote went the other way.")]


def _back_to_parent(cases: Callable[[], Cases], then: str) -> Callable[[Transaction, Row, Mapping[str, Any]], None]:
    def effect(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        if case["parent"] is None:
            return
        parent = rows.found(tx, case["parent"], lock=True)
        flow = cases().policy.flow(parent["flow"], parent["flow_version"])
        step = flow.steps.get(then)
        told = f"{case['facts']['body']} {case['number']} {flow_words(cases(), case)}"
        if step is not None and parent["state"] in step.sources:
            cases().by_machine(tx, parent, then, note=told)
        else:
            rows.step(tx, parent, "resolved", note=told, by_machine=True)

    return effect


def flow_words(cases: Cases, case: Row) -> str:
    """The state of a case in words."""
    return cases.policy.flow(case["flow"], case["flow_version"]).states[case["state"]].name[0]


def _members(tx: Transaction, case_id: str) -> set[str]:
    found = tx.all(
        "select subject from case_people where case_id = :id and part = 'member' and recused_at is null", id=case_id
    )
    return {row["subject"] for row in found}


def _present(tx: Transaction, meeting_id: str) -> set[str]:
    return {
        row["subject"] for row in tx.all("select subject from committee_present where meeting = :id", id=meeting_id)
    }


def _enough(members: int, present: int, day: date) -> Sequence[Finding]:
    share = float(parameter("committee.quorum_above", on=day).value)
    if members and present > members * share:
        return []
    need = int(members * share) + 1
    return [
        _block(
            "committee_quorum",
            f"성원이 되지 않았습니다. 위원 {members}명 가운데 {present}명이 출석했고 {need}명이 필요합니다.",
            f"{present} of {members} are present; {need} are needed.",
        )
    ]


def _day(case: Row) -> date:
    return date.fromisoformat(str(case["facts"]["held_on"]))


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))
