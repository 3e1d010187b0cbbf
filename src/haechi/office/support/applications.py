"""One person's application: who may apply, and what each step of policy/flows/fee_support.yaml does to it and to the money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Finding, Hooks, rows
from haechi.office.learning import duty_of
from haechi.office.support.rounds import COLUMNS

FORM = "fee_support"
COLUMNS_OF = """a.case_id::text as case_id, a.round_id::text as round_id, a.number, a.subject, a.login, a.name, a.bureau, a.pool, a.service,
a.listed, a.cleared_at, a.ask_won, a.state, a.carried, a.first_time, a.place, a.why_ko, a.why_en, a.spent_won, a.key_prefix, a.at"""
CHECK_DAYS = 5
"""In how many days somebody looks at a service that is not on the list."""


def hooks(register: Hooks) -> None:
    """Checks, facts and effects of the flow."""
    for name, check in _CHECKS.items():
        register.check(name, check)
    register.work["fee_support.submit"] = _facts_of_submission
    register.work["fee_support.pay"] = _facts_of_payment
    register.work["fee_support.claw_back"] = _facts_of_claw_back
    for step, effect in _EFFECTS.items():
        register.effect(f"fee_support.{step}", effect)


def pool_of(bureau: str, endings: Sequence[str]) -> str:
    """'branch' for a bureau whose name ends so, else 'main'."""
    return "branch" if bureau.endswith(tuple(endings)) else "main"


def application(tx: Transaction, case: Row) -> Row | None:
    """The application of a case, locked after its round; None before it was handed in."""
    if rows.as_uuid(case["round"]) is not None:
        tx.value("select haechi_fee_lock(cast(:id as uuid))", id=case["round"])
    return tx.one(f"select {COLUMNS_OF} from support_applications a where a.case_id = :id for update", id=case["id"])


def book(tx: Transaction, of: Row, kind: str, won: int, note: str = "") -> None:
    """A line of the ledger; nothing for nothing."""
    if won:
        tx.run(
            """insert into support_ledger (round_id, case_id, kind, won, note, at, subject)
            values (:round, :case, :kind, :won, :note, :now, :by)""",
            {
                "round": of["round_id"], "case": of["case_id"], "kind": kind, "won": won, "note": note,
                "now": clock.now(), "by": tx.actor.subject,
            },
        )  # fmt: skip


def put(tx: Transaction, case_id: str, state: str, **more: Any) -> None:
    """An application's state, which its case has just taken."""
    sets = "".join(f", {name} = :{name}" for name in more)
    tx.run(
        f"update support_applications set state = :state, carried = :state{sets} where case_id = :id",
        {"state": state, "id": case_id, **more},
    )


# --- may this person apply? ------------------------------------------------------------------------------------------


def _round(tx: Transaction, case: Row) -> Row | None:
    return tx.one(f"select {COLUMNS} from support_rounds r where r.id = :id", id=rows.as_uuid(case["round"]))


def _answers(tx: Transaction, case: Row, form: str = FORM) -> Mapping[str, Any]:
    found = tx.value("select answers from case_filings where case_id = :id and form = :form", id=case["id"], form=form)
    return found or {}


def _block(name: str, ok: bool, ko: str, en: str) -> list[Finding]:
    return [Finding(name, "block", (ko, en), ok=ok)]


def _window(tx: Transaction, case: Row) -> Sequence[Finding]:
    round = _round(tx, case)
    if round is None:
        return _block(
            "fee_window", False, "회차가 정해지지 않은 신청입니다. ‘이용료 지원’ 화면에서 신청하세요.", "No round."
        )
    state = tx.value("select haechi_fee_share(cast(:id as uuid))", id=round["id"])
    now, name = clock.now(), round["title"]
    early, late = (
        now < round["opens_at"] or state == "planned",
        now >= round["closes_at"] or state not in ("planned", "open"),
    )
    closed = f"{round['closes_at'].astimezone(clock.SEOUL):%-m월 %-d일 %H:%M}"
    metered = (_answers(tx, case).get("service") == "gateway") == (round["mode"] == "metered")
    fits = "이 회차는 용량제라 ‘시 모델 관문’만 고를 수 있습니다." if round["mode"] == "metered" else (
        "이 회차는 구독 지원이라 ‘시 모델 관문’은 고를 수 없습니다."
    )  # fmt: skip
    return [
        *_block("fee_window", not early, f"‘{name}’은(는) 아직 신청 기간이 아닙니다.", "Not open yet."),
        *_block("fee_window", not late, f"‘{name}’의 신청은 {closed}에 마감되었습니다.", "Closed."),
        *_block("fee_window", metered, fits, "The service does not fit the round's mode."),
    ]


def _once(tx: Transaction, case: Row) -> Sequence[Finding]:
    known = tx.value(
        """select number from support_applications where round_id = :round and subject = :subject and case_id <> :id
        and state not in ('refused', 'withdrawn')""",
        round=rows.as_uuid(case["round"]), subject=case["subject"], id=case["id"],
    )  # fmt: skip
    return _block("fee_once", known is None, f"이 회차에 이미 신청했습니다({known}).", "Already applied in this round.")


def _cap(tx: Transaction, case: Row) -> Sequence[Finding]:
    round, asked = _round(tx, case), int(_answers(tx, case).get("ask_won") or 0)
    cap = int(round["cap_won"]) if round else int(parameter("fee.cap_won", on=clock.today()).value)
    told = (f"신청액 {asked:,}원이 1인 한도 {cap:,}원을 넘습니다.", f"{asked:,} won exceeds the cap of {cap:,} won.")
    return _block("fee_cap", 0 < asked <= cap, *told)


def _duty(tx: Transaction, case: Row) -> Sequence[Finding]:
    duty = duty_of(tx, case["subject"], clock.today().year)
    told = (f"AI 의무이수를 마쳐야 신청할 수 있습니다. {duty.why[0]}", f"The AI duty comes first. {duty.why[1]}")
    return _block("fee_duty", duty.met, *told)


def _pledge(tx: Transaction, case: Row) -> Sequence[Finding]:
    told = _answers(tx, case)
    signed = str(told.get("signed") or "").replace(" ", "") == case["subject_name"].replace(" ", "")
    ok = told.get("pledge") is True and signed
    return _block("fee_pledge", ok, "보안서약에 동의하고 본인 이름으로 서명해야 합니다.", "The pledge must be signed.")


def _not_funded(tx: Transaction, case: Row) -> Sequence[Finding]:
    round = _round(tx, case)
    other = tx.one(
        """select a.number, a.state from support_applications a join support_rounds r on r.id = a.round_id
        where a.subject = :subject and a.round_id is distinct from cast(:round as uuid) and (a.state = 'clawback'
          or (a.state in ('drawn', 'paid', 'reported') and r.ends_on >= coalesce(cast(:starts as date), current_date))) limit 1""",
        subject=case["subject"], round=rows.as_uuid(case["round"]), starts=round["starts_on"] if round else None,
    )  # fmt: skip
    if other is None:
        return _block("fee_not_funded", True, "지원받고 있는 것이 없습니다.", "Nothing is being funded.")
    why = "환수할 돈이 남아" if other["state"] == "clawback" else "지원받고 있어"
    return _block("fee_not_funded", False, f"{other['number']}으로 {why} 신청할 수 없습니다.", "Still funded.")


def _not_in_payment(tx: Transaction, case: Row) -> Sequence[Finding]:
    of = application(tx, case)
    ok = of is None or of["state"] in ("applied", "drawn", "waiting")
    return _block(
        "fee_not_in_payment", ok, "이미 지급되어 취하할 수 없습니다. 담당자에게 반납을 요청하세요.", "Already paid."
    )


def _unlisted(tx: Transaction, case: Row) -> Sequence[Finding]:
    of = application(tx, case)
    ok = of is not None and not of["listed"] and of["cleared_at"] is None
    return _block("fee_unlisted", ok, "보안 확인을 기다리는 ‘기타’ 서비스가 아닙니다.", "Nothing waits for a check.")


def _all_spent(tx: Transaction, case: Row) -> Sequence[Finding]:
    of = application(tx, case)
    paid, spent = int(of["ask_won"]) if of else 0, int((of or {}).get("spent_won") or 0)
    told = f"지급한 {paid:,}원보다 적은 {spent:,}원을 썼습니다. 남은 돈은 ‘환수 결정’으로 돌려받으세요."
    return _block("fee_all_spent", spent >= paid, told, f"{spent:,} won of {paid:,} won were spent.")


# --- what the steps do -----------------------------------------------------------------------------------------------


def _facts_of_submission(tx: Transaction, case: Row) -> Mapping[str, Any]:
    if _answers(tx, case).get("service") != "other":
        return {}
    return {"check_by": (clock.today() + timedelta(days=CHECK_DAYS)).isoformat()}


def _facts_of_payment(tx: Transaction, case: Row) -> Mapping[str, Any]:
    round = _round(tx, case)
    assert round is not None
    days = int(parameter("fee.report_days", on=round["starts_on"]).value)
    return {"report_by": (round["ends_on"] + timedelta(days=days)).isoformat()}


def _facts_of_claw_back(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """What is left over when less was spent than paid; else all of it: nothing was handed in, or the pledge was broken."""
    of = application(tx, case)
    assert of is not None
    paid, spent = int(of["ask_won"]), int(of["spent_won"] or 0)
    left = paid - spent if of["state"] == "reported" and spent < paid else paid
    return {"return_won": left}


def _submit(tx: Transaction, case: Row, _: Any) -> None:
    told, bureau = _answers(tx, case), case["bureau"]
    endings = parameter("fee.branch_endings", on=clock.today()).value
    listed = told["service"] != "other"
    done = tx.run(
        """insert into support_applications (case_id, round_id, number, subject, login, name, bureau, pool, service, listed, ask_won,
          state, at)
        select :case, :round, :number, :subject, coalesce((select login from users where 'user:' || id = :subject), ''), :name, :bureau,
          :pool, :service, :listed, :ask, 'applied', :now
        on conflict do nothing""",
        {
            "case": case["id"], "round": case["round"], "number": case["number"], "subject": case["subject"],
            "name": case["subject_name"], "bureau": bureau, "pool": pool_of(bureau, endings), "listed": listed,
            "service": told["service"] if listed else str(told["service_other"]), "ask": int(told["ask_won"]), "now": clock.now(),
        },
    )  # fmt: skip
    if not done:
        raise Conflict("이 회차에 이미 신청했습니다.", next_step="먼저 낸 신청을 확인하세요.", record=case["number"])


def _withdraw(tx: Transaction, case: Row, _: Any) -> None:
    of = application(tx, case)
    if of is None:
        return
    if of["state"] == "drawn":
        book(tx, of, "release", int(of["ask_won"]), "취하")
    put(tx, case["id"], "withdrawn")


def _clear(tx: Transaction, case: Row, _: Any) -> None:
    tx.run(
        "update support_applications set cleared_at = :now where case_id = :id", {"now": clock.now(), "id": case["id"]}
    )


def _refuse(tx: Transaction, case: Row, _: Any) -> None:
    of = application(tx, case)
    if of is not None and of["state"] != "applied":
        raise Conflict("이미 추첨한 신청입니다.", next_step="화면을 새로 고치세요.", record=case["number"])
    put(tx, case["id"], "refused")


def _report(tx: Transaction, case: Row, _: Any) -> None:
    put(tx, case["id"], "reported", spent_won=int(_answers(tx, case, "fee_report")["spent_won"]))


def _confirm_return(tx: Transaction, case: Row, _: Any) -> None:
    of = application(tx, case)
    assert of is not None
    book(tx, of, "return", int(case["facts"]["return_won"]), "환수")
    put(tx, case["id"], "returned")


def _becomes(state: str) -> Any:
    def effect(tx: Transaction, case: Row, _: Any) -> None:
        put(tx, case["id"], state)

    return effect


_CHECKS = {
    "fee_window": _window,
    "fee_once": _once,
    "fee_cap": _cap,
    "fee_duty": _duty,
    "fee_pledge": _pledge,
    "fee_not_funded": _not_funded,
    "fee_not_in_payment": _not_in_payment,
    "fee_unlisted": _unlisted,
    "fee_all_spent": _all_spent,
}
_EFFECTS = {
    "submit": _submit,
    "withdraw": _withdraw,
    "clear_service": _clear,
    "refuse_service": _refuse,
    "report": _report,
    "send_back": _becomes("paid"),
    "accept": _becomes("settled"),
    "claw_back": _becomes("clawback"),
    "confirm_return": _confirm_return,
}
