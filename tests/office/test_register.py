"""The register: drafted from a manifest, published by a second person, read and objected to by anybody, mapped to three others."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import pytest
from tests.office.people import person

from haechi.city.register import load_register
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.identity import guest
from haechi.core.store import Actor, Store
from haechi.office import register
from haechi.office.cases import Cases, Hooks, Opening, Policy
from haechi.office.forms import open_questions
from haechi.office.forms.answers import UNKNOWN, check
from haechi.office.portfolio.sources import Running
from haechi.office.register import shelf

MANIFESTS = {manifest.number: manifest for manifest in load_register().manifests}
ABOUT = {
    "organization": "해치시",
    "address": "https://haechi.example/register/39",
    "uuid": "u",
    "first_published": "2026-11-01",
}


@dataclass
class House:
    cases: Cases
    register: register.Register
    objections: register.Objections
    owner: Actor
    team: Actor
    now: Running

    def draft(self, service: int, **changed: object) -> str:
        """A complete draft: what the manifest knows, and 모름 for everything else that its stage asks for."""
        case = self.cases.open(
            self.owner, "register_entry", Opening("등록부 항목", bureau=self.owner.bureau, service=service)
        )
        form = self.cases.policy.form("register_entry")
        answers = register.draft_of(MANIFESTS[service])
        stage = register.rules_in_force().stage_of[answers["status"]]
        answers |= {
            q.id: "해당 없음" if not q.may_be_unknown else UNKNOWN for q in open_questions(form, answers, stage=stage)
        }
        _, faults = self.cases.filings.save(self.owner, case["id"], "register_entry", {**answers, **changed}, base=0)
        assert faults == ()
        return str(case["id"])

    def publish(self, service: int, **changed: object) -> str:
        case = self.draft(service, **changed)
        self.cases.act(self.owner, case, "submit")
        self.cases.act(self.team, case, "publish")
        return case


@pytest.fixture
def house(store: Store, owner_store: Store) -> House:
    hooks, policy = Hooks(), Policy.in_force()
    cases = Cases(store, policy, hooks)
    owner = person(owner_store, "박나린", "staff", "service_owner", bureau="행정국")
    team = person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국")
    shown = register.Register(store)
    made = House(
        cases, shown, register.Objections(store, cases, shown), owner, team, Running("a" * 64, "시범", {"embed": "1"})
    )
    register.hang(hooks, policy, lambda _: made.now)
    return made


@pytest.mark.parametrize("number", sorted(MANIFESTS))
def test_every_service_has_a_draft_that_can_be_stored_and_guesses_nothing(number: int) -> None:
    form, answers = Policy.in_force().form("register_entry"), register.draft_of(MANIFESTS[number])
    assert check(form, answers) == ()
    assert answers["number"] == number
    assert answers["bureau"] == (UNKNOWN if MANIFESTS[number].bureau == "미상" else MANIFESTS[number].bureau)


def test_an_entry_is_published_by_a_second_person_and_its_versions_stay(house: House) -> None:
    case = house.draft(39)
    with pytest.raises(Conflict):
        house.cases.act(house.team, case, "publish")
    house.cases.act(house.owner, case, "submit")
    with pytest.raises(Forbidden):
        house.cases.act(house.owner, case, "publish")
    house.cases.act(house.team, case, "publish")
    reader = guest("somebody" * 5)
    (first,) = house.register.listed(reader, words=MANIFESTS[39].name.ko[:4])
    assert (first["version"], first["state"], first["stage"]) == (1, "published", "run")
    house.publish(39, summary_ko="새 요약입니다.", revision_note="요약을 고쳤습니다.")
    assert [v["version"] for v in house.register.versions(reader, 39)] == [2, 1]
    form = house.cases.policy.form("register_entry")
    changes = register.differences(
        form, house.register.one(reader, 39, 1)["entry"], house.register.one(reader, 39)["entry"]
    )
    assert [one.id for one in changes] == ["summary_ko", "revision_note"]
    with pytest.raises(NotFound):
        house.register.one(reader, 39, 3)


def test_an_entry_that_is_incomplete_for_its_stage_or_not_plain_is_refused(house: House) -> None:
    case = house.draft(39)
    version = house.cases.filings.get(house.owner, case, "register_entry")["version"]
    house.cases.filings.save(house.owner, case, "register_entry", {"monitoring": None}, base=version)
    with pytest.raises(InvalidInput, match="지켜보는 방법"):
        house.cases.act(house.owner, case, "submit")
    house.cases.filings.save(
        house.owner, case, "register_entry", {"monitoring": UNKNOWN, "why_ko": "가" * 101 + "."}, base=version + 1
    )
    with pytest.raises(InvalidInput, match="문장이 깁니다"):
        house.cases.act(house.owner, case, "submit")
    other = house.draft(16)
    house.cases.filings.save(house.owner, other, "register_entry", {"number": 39}, base=1)
    with pytest.raises(InvalidInput, match="어느 서비스의 항목인지"):
        house.cases.act(house.owner, other, "submit")


def test_what_runs_otherwise_than_it_was_published_is_flagged(house: House) -> None:
    house.publish(39)
    version = house.register.one(house.team, 39)
    assert shelf.drift(version, house.now) == []
    assert shelf.drift(version, replace(house.now, known=False)) == []
    told = " ".join(ko for ko, _ in shelf.drift(version, Running("b" * 64, "운영", {"embed": "2"})))
    assert all(words in told for words in ("‘시범’였는데", "명세가 바뀌었습니다", "embed"))


def test_a_withdrawn_entry_stays_on_the_list_and_says_why(house: House) -> None:
    house.publish(39)
    case = house.cases.open(house.owner, "register_entry", Opening("내림", bureau="행정국", service=39))["id"]
    house.cases.act(house.owner, case, "propose_withdrawal", note="서비스를 그만둡니다.")
    with pytest.raises(Forbidden):
        house.cases.act(house.owner, case, "withdraw")
    house.cases.act(house.team, case, "withdraw")
    (entry,) = house.register.listed(guest("x" * 40))
    assert (entry["version"], entry["state"], entry["reason"]) == (2, "withdrawn", "서비스를 그만둡니다.")


def test_open_data_goes_out_in_three_ways_and_comes_back_the_same(house: House) -> None:
    house.publish(39)
    version = house.register.one(house.team, 39)
    told = json.loads(shelf.as_json([version]))
    assert shelf.from_public(told["entries"][0]) == version["entry"]
    assert "미상" in json.dumps(told, ensure_ascii=False)
    assert UNKNOWN not in json.dumps(told)
    form = house.cases.policy.form("register_entry")
    assert len(shelf.as_csv(form, [version]).strip().splitlines()) >= 2
    feed = ElementTree.fromstring(
        shelf.as_atom(house.register.changes(house.team), "https://haechi.example/register", "해치시")
    )
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 1


@pytest.mark.parametrize("name", ["eurocities_0_3_1", "nl_1_0", "uk_atrs"])
def test_an_entry_speaks_the_words_of_other_registers_and_says_what_it_cannot_fill(house: House, name: str) -> None:
    house.publish(
        39, risks=[{"risk": "틀린 답", "mitigation": "근거를 보임"}], theme="government", legal_basis="조례 제6조"
    )
    mapping = register.mappings()[name]
    told = register.mapped(
        mapping, house.cases.policy.form("register_entry"), house.register.one(house.team, 39), ABOUT
    )
    known = {one["to"] for one in mapping.fields}
    assert set(told.fields) <= known
    required = {one["to"] for one in mapping.fields if one.get("required")}
    assert set(told.missing) <= required
    for one in mapping.fields:
        value = told.fields.get(one["to"])
        if "allowed" in one and value not in (None, mapping.unknown):
            assert set(value if isinstance(value, list) else [value]) <= set(one["allowed"])
    assert told.fields["name"] == MANIFESTS[39].name.en
    assert "틀린 답" in json.dumps(told.fields, ensure_ascii=False)
    assert "contact_email" in told.missing, "미상 counts as missing"


def test_anybody_objects_and_follows_the_answer_with_a_code(house: House) -> None:
    house.publish(39)
    citizen = guest("objector" * 5)
    sent = {"what": "없는 기한을 안내했습니다.", "kind": "wrong", "wish": "바로잡아 주세요."}
    with pytest.raises(InvalidInput, match="바라는 것"):
        house.objections.send(citizen, 39, {**sent, "wish": ""}, key="k0")
    code = house.objections.send(citizen, 39, sent, key="k1")
    again = house.objections.send(citizen, 39, sent, key="k1")
    stranger = guest("stranger" * 5)
    told = house.objections.look(stranger, code)
    assert (told["state_name"][0], told["final"], told["answer"]) == ("접수", False, "")
    assert house.objections.look(stranger, again)["number"] == told["number"], "sent twice, one case"
    (case, *more) = [
        one for one in house.cases.reading.listed(house.team, kinds=["objection"])[0] if one["state"] == "received"
    ]
    assert not more
    house.cases.act(house.team, case["id"], "take")
    house.cases.act(house.team, case["id"], "accept", note="기한을 고쳤습니다.")
    told = house.objections.look(stranger, code.lower())
    assert (told["final"], told["answer"]) == (True, "기한을 고쳤습니다.")
    with pytest.raises(NotFound):
        house.objections.look(stranger, "AAAA")
