"""Probes that read what stands written: manifest, flows, register, records of the office, the audit log, retention."""

from __future__ import annotations

from datetime import timedelta

from haechi.city.trust.subject import Subject, Told
from haechi.core import audit
from haechi.core.manifest import UNKNOWN
from haechi.core.store import SYSTEM
from haechi.office.trust.proofs import Proof

NO_STORE = ("돌고 있는 설치가 없습니다.", "./haechi up 으로 켠 뒤 다시 하세요.")


def human_step(subject: Subject, told: Told) -> Proof:
    """A person is named, and what the service gives out really reaches one: by its flow, or by its bot's desk."""
    manifest = subject.manifest
    if not manifest.impact.needs_human_step:
        return told.held(True, f"필요 없음(영향 {manifest.impact.level}등급, {manifest.impact.decides})")
    if manifest.person.step == UNKNOWN:
        return told.held(False, "사람의 단계가 미상", "영향이 미상이거나 3등급 이상이다", "service.toml의 [person]에 적으세요.")  # fmt: skip
    people = _steps_of_people(subject)
    if people:
        return told.held(True, f"절차 ‘{manifest.flow}’에서 사람이 하는 단계 {len(people)}개", detail_steps=people)
    if _desk(subject):
        return told.held(True, "챗봇이 상담 창구로 넘긴다", "사람이 받는 창구가 정해져 있다")
    why = f"service.toml의 flow가 ‘{manifest.flow}’라 결과가 사람에게 닿는 길이 없다"
    return told.held(False, "닿지 않음", why, "flow에 policy/flows의 절차를 적거나 챗봇의 담당 창구를 정하세요.")


def _steps_of_people(subject: Subject) -> list[str]:
    flows = [flow for (id, _), flow in subject.policy.flows.items() if id == subject.manifest.flow]
    if not flows:
        return []
    newest = max(flows, key=lambda flow: flow.version)
    return [step.name[0] for step in newest.steps.values() if step.by and "machine" not in step.by]


def _desk(subject: Subject) -> bool:
    if subject.store is None:
        return False
    with subject.store.transaction(SYSTEM) as tx:
        return bool(
            tx.value("select count(*) from bots where service = :service and office <> ''", service=subject.number)
        )


def notice(subject: Subject, told: Told) -> Proof:
    """The notice is written."""
    text = subject.manifest.person.notice
    return told.held(text != UNKNOWN, "있음" if text != UNKNOWN else "미상", text, "service.toml의 person.notice에 적으세요.")  # fmt: skip


def data_statement(subject: Subject, told: Told) -> Proof:
    """Personal data and their time are written; whether they represent people well, a person judges."""
    data = subject.manifest.data
    missing = [
        name for name, value in (("personal", data.personal), ("retention", (data.retention,))) if UNKNOWN in value
    ]
    if missing:
        return told.held(False, f"미상: {', '.join(missing)}", "", "service.toml의 [data]를 채우세요.")
    value = f"개인정보 {len(data.personal)}종, 보관: {data.retention}"
    return told.for_a_person(value, "자료가 대표성이 있는지는 기계가 판단하지 못합니다.", "데이터 명세를 증거로 붙이세요.")  # fmt: skip


def register_entry(subject: Subject, told: Told) -> Proof:
    """The register's row equals the manifest that runs."""
    if subject.store is None:
        return told.unmeasurable(*NO_STORE)
    with subject.store.transaction(SYSTEM) as tx:
        row = tx.one("select manifest from register where number = :number", number=subject.number)
    if row is None:
        return told.held(False, "등록부에 없음", "", "haechi up 으로 등록부를 채우세요.")
    running = subject.manifest.as_dict()
    differing = sorted(key for key, value in _plain(running).items() if row["manifest"].get(key) != value)
    return told.held(not differing, "같음" if not differing else f"다름: {', '.join(differing)}", "", "등록부를 다시 올리고 차이를 확인하세요.", differing=differing)  # fmt: skip


def _plain(value: object) -> dict[str, object]:
    import json

    plain: dict[str, object] = json.loads(json.dumps(value, ensure_ascii=False, default=str))
    return plain


def audit_chain(subject: Subject, told: Told) -> Proof:
    """The whole chain is read again and compared with every published head."""
    if subject.store is None:
        return told.unmeasurable(*NO_STORE)
    folder = subject.home / "published" if subject.home is not None else None
    with subject.store.transaction(SYSTEM) as tx:
        found = audit.verify(tx, folder if folder is not None and folder.is_dir() else None)
    return told.held(found.ok, f"{found.entries:,}건 이어짐" if found.ok else f"{found.broken_at}번에서 끊김", found.why, "haechi audit verify 로 확인하고 보안 담당에 알리세요.")  # fmt: skip


def retention_runs(subject: Subject, told: Told) -> Proof:
    """The daily chores ran (they publish the head of the log), and nothing whose day has come is still there."""
    if subject.store is None:
        return told.unmeasurable(*NO_STORE)
    with subject.store.transaction(SYSTEM) as tx:
        last = tx.value("select max(day) from audit_heads")
        overdue = tx.value(
            "select count(*) from conversations where service = :service and purge_after < :day",
            service=subject.number,
            day=subject.today,
        )
        purges = tx.value("select count(*) from audit_log where action = 'retention.purge'")
    days = subject.limit("retention_days")
    if last is None:
        return told.unmeasurable("하루 일과가 아직 한 번도 돌지 않았습니다.", "haechi up 으로 하루를 지낸 뒤 다시 하세요.")  # fmt: skip
    value = f"마지막 실행 {last}, 삭제 기록 {purges}건, 기한이 지난 대화 {overdue}건"
    in_time = days is None or subject.today - last <= timedelta(days=days)
    return told.held(in_time and overdue == 0, value, f"{days:g}일 안에 돌아야 한다", "작업자가 도는지 haechi status 로 확인하세요.")  # fmt: skip


def ethics_on_record(subject: Subject, told: Told) -> Proof:
    """A confirmed ethics check of this service stands in the office."""
    return _on_record(subject, told, "ethics_check", "ethics", "확인된 윤리 자체점검")


def impact_on_record(subject: Subject, told: Told) -> Proof:
    """A decided impact assessment of this service stands in the office."""
    return _on_record(subject, told, "impact_assessment", "decided", "결정된 영향 등급")


def _on_record(subject: Subject, told: Told, flow: str, wanted: str, name: str) -> Proof:
    if subject.store is None:
        return told.unmeasurable(*NO_STORE)
    with subject.store.transaction(SYSTEM) as tx:
        cases = tx.all(
            "select number, facts from cases where flow = :flow and service = :service order by opened_at desc",
            flow=flow,
            service=subject.number,
        )
    done = [c for c in cases if wanted in c["facts"] or wanted in c["facts"].get("impact", {})]
    if done:
        return told.held(True, f"{name}: {', '.join(c['number'] for c in done[:3])}")
    return told.held(False, f"{name} 없음", f"열린 건 {len(cases)}개", f"/cases/new?flow={flow} 에서 시작해 마치세요.")
