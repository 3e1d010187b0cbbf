"""What hangs on policy/flows/exhibitor.yaml and award.yaml: a booth that is free, an online page, a jury, as many winners as awards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Finding, Hooks, rows
from haechi.office.event.editions import edition_of
from haechi.office.event.prize import SHEET, categories, category_of
from haechi.office.rounds import answers_of, filed_by

EXHIBITOR = "exhibitor"


def hang(hooks: Hooks) -> None:
    """Onto the flows' steps."""
    hooks.check("exhibitor_edition", lambda tx, case: _edition(tx, case))
    hooks.check("exhibitor_booth", _has_booth)
    hooks.effect(f"{EXHIBITOR}.place", _place)
    hooks.effect(f"{EXHIBITOR}.confirm", _publish)
    hooks.effect(f"{EXHIBITOR}.withdraw", _give_back)
    hooks.check("award_edition", lambda tx, case: _edition(tx, case))
    hooks.check("award_jury", _jury)
    hooks.check("award_sheets", _sheets)
    hooks.check("award_left", _left)


def _edition(tx: Transaction, case: Row) -> Sequence[Finding]:
    if not case["round"]:
        return [_block("exhibitor_edition", "어느 행사인지 없습니다. 행사 화면에서 신청하세요.", "No edition.")]
    found = edition_of(tx, case["round"])
    if clock.today() > found["ends_on"]:
        return [_block("exhibitor_edition", f"‘{found['name_ko']}’은(는) 끝났습니다.", "The edition is over.")]
    return []


def _place(tx: Transaction, case: Row, sent: Mapping[str, Any]) -> None:
    """Give the booth whose code was sent along. Conflict when it is another's."""
    code = str(sent.get("booth") or "").strip()
    if not code:
        raise InvalidInput(
            "부스를 고르지 않았습니다.", next_step="행사 관리 화면에서 빈 부스를 고르세요.", record="booth"
        )
    tx.run("update event_spaces set exhibitor = null where exhibitor = cast(:id as uuid)", {"id": case["id"]})
    changed = tx.run(
        """update event_spaces set exhibitor = cast(:id as uuid), version = version + 1
        where edition = :e and code = :code and kind = 'booth' and exhibitor is null""",
        {"id": case["id"], "e": case["round"], "code": code},
    )
    if not changed:
        raise Conflict(
            f"‘{code}’ 부스가 없거나 이미 다른 곳의 부스입니다.", next_step="빈 부스를 고르세요.", record=code
        )


def _has_booth(tx: Transaction, case: Row) -> Sequence[Finding]:
    online_only = case["facts"].get("online", answers_of(tx, case["id"], EXHIBITOR).get("where") == "online")
    placed = tx.value("select code from event_spaces where exhibitor = cast(:id as uuid)", id=case["id"])
    if placed is None and not online_only:
        return [_block("exhibitor_booth", "배정된 부스가 없습니다.", "No booth.")]
    return []


def _publish(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    told = answers_of(tx, case["id"], EXHIBITOR)
    tx.run(
        """insert into event_online (id, edition, case_id, name_ko, name_en, theme, intro_ko, intro_en, website, country, grams, published_at)
        values (:id, :e, cast(:case as uuid), :ko, :en, :theme, :intro_ko, :intro_en, :website, :country, :grams, :now)
        on conflict (case_id) do nothing""",
        {
            "id": clock.new_id(), "e": case["round"], "case": case["id"], "ko": told["name_ko"], "en": told.get("name_en") or "",
            "theme": told["theme"], "intro_ko": told["intro_ko"], "intro_en": told.get("intro_en") or "", "website": told.get("website") or "",
            "country": told.get("country") or "", "now": clock.now(),
            "grams": rows.grams(told["name_ko"], told.get("name_en") or "", told["theme"], told["intro_ko"]),
        },
    )  # fmt: skip


def _give_back(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    tx.run("select haechi_event_leave(cast(:id as uuid))", {"id": case["id"]})


# --- the prize -------------------------------------------------------------------------------------------------------


def _jury(tx: Transaction, case: Row) -> Sequence[Finding]:
    least = int(parameter("event.prize_jurors", on=clock.today()).value)
    there = int(
        tx.value(
            "select count(*) from case_people where case_id = :id and part = 'juror' and recused_at is null",
            id=case["id"],
        )
    )
    return (
        []
        if there >= least
        else [
            _block(
                "award_jury", f"심사위원이 {there}명입니다. {least}명 이상을 지정하세요.", f"{there} of {least} jurors."
            )
        ]
    )


def _sheets(tx: Transaction, case: Row) -> Sequence[Finding]:
    least = int(parameter("event.prize_jurors", on=clock.today()).value)
    there = len(filed_by(tx, case["id"], SHEET))
    return (
        []
        if there >= least
        else [
            _block(
                "award_sheets", f"심사표가 {there}건입니다. {least}건이 들어와야 합니다.", f"{there} of {least} sheets."
            )
        ]
    )


def _left(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whether the category has an award left; held until the winner is written."""
    id = category_of(tx, case["id"])
    category = categories().get(id)
    if category is None:
        return [_block("award_left", "그런 시상 부문이 없습니다.", "No such category.")]
    tx.run("select pg_advisory_xact_lock(hashtext(:key))", {"key": f"award:{case['round']}:{id}"})
    won = int(tx.value("select haechi_event_winners(:e, :id)", e=case["round"], id=id))
    if won >= category.awards:
        return [
            _block(
                "award_left",
                f"‘{category.name[0]}’ 부문의 {category.awards}개 상이 모두 정해졌습니다.",
                f"All {category.awards} awards are given.",
            )
        ]
    return []


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))
