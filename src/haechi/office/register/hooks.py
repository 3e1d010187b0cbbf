"""What hangs on policy/flows/register_entry.yaml: complete for its stage, plain, and one version for each publication."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.store import Row, Transaction
from haechi.office.cases import Finding, Hooks, Policy
from haechi.office.forms import Form, open_questions
from haechi.office.portfolio.sources import Running
from haechi.office.register.rules import rules_in_force
from haechi.office.register.shelf import put_version

FLOW = FORM = "register_entry"
NAMED = 6
"""How many open questions a refusal names."""


def hang(hooks: Hooks, policy: Policy, running: Callable[[int], Running]) -> None:
    """Onto the flow's steps. running: what runs now, kept beside each version as the ground of the drift flag."""

    def filed(tx: Transaction, case: Row) -> tuple[Form, dict[str, Any]]:
        row = tx.one(
            "select form_version, answers from case_filings where case_id = :id and form = :form and author = ''",
            id=case["id"], form=FORM,
        )  # fmt: skip
        return (policy.form(FORM, row["form_version"]), dict(row["answers"])) if row else (policy.form(FORM), {})

    def complete(tx: Transaction, case: Row) -> Sequence[Finding]:
        form, answers = filed(tx, case)
        if case["service"] is None or answers.get("number") != case["service"]:
            return [
                _block(
                    "register_complete",
                    "어느 서비스의 항목인지 맞지 않습니다. 등록부 화면에서 시작하세요.",
                    "Wrong service.",
                )
            ]
        stage = rules_in_force().stage_of.get(str(answers.get("status")), "plan")
        waiting = open_questions(form, answers, stage=stage)
        if waiting:
            named = ", ".join(f"‘{question.text[0]}’" for question in waiting[:NAMED])
            more = f" 밖에 {len(waiting) - NAMED}개" if len(waiting) > NAMED else ""
            told = (
                f"지금 단계에서 답해야 할 문항 {len(waiting)}개가 남았습니다: {named}{more}. 모르면 ‘모름’을 고르세요."
            )
            return [_block("register_complete", told, f"{len(waiting)} questions of this stage are open.")]
        return []

    def plain(tx: Transaction, case: Row) -> Sequence[Finding]:
        form, answers = filed(tx, case)
        rules = rules_in_force()
        return [
            _block("register_plain", f"‘{question}’의 문장이 깁니다(한국어 {rules.sentence_ko}자, 영어 {rules.sentence_en}낱말까지): “{sentence[:40]}…”", "A sentence is too long to be plain.")
            for question, sentence in rules.long_sentences(form, answers)
        ]  # fmt: skip

    def publish(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        _, answers = filed(tx, case)
        stage = rules_in_force().stage_of.get(str(answers["status"]), "plan")
        put_version(
            tx,
            case,
            answers,
            stage=stage,
            note=str(answers.get("revision_note") or ""),
            running=running(case["service"]),
            now=clock.now(),
        )

    def withdraw(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        last = tx.one(
            "select entry, stage, state from register_versions where service = :s order by version desc limit 1",
            s=case["service"],
        )
        if last is None or last["state"] == "withdrawn":
            raise Conflict("공개된 항목이 없습니다.", next_step="등록부를 확인하세요.", record=case["number"])
        why = tx.value(
            "select note from case_steps where case_id = :id and act = 'propose_withdrawal' order by number desc limit 1",
            id=case["id"],
        )
        put_version(
            tx, case, last["entry"], stage=last["stage"], note="", reason=str(why or ""), state="withdrawn",
            running=running(case["service"]), now=clock.now(),
        )  # fmt: skip

    hooks.check("register_complete", complete)
    hooks.check("register_plain", plain)
    hooks.effect(f"{FLOW}.publish", publish)
    hooks.effect(f"{FLOW}.withdraw", withdraw)


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))
