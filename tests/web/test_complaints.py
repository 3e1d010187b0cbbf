"""An officer works on a report in the browser; the reporter reads what was done. Keyboard, 360 px, both languages."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from tests.house import House, csrf_of, faults_of, sideways

from haechi.core.store import SYSTEM, Actor

CITIZEN = Actor("guest:web", "손님")


@pytest.fixture
def filed(house: House) -> Any:
    """A report that belongs to 디지털도시국: an officer and an administrator sit there."""
    out = io.BytesIO()
    Image.new("RGB", (640, 400), "grey").save(out, "JPEG")
    complaints = house.installation.complaints
    kept = complaints.photos.keep(CITIZEN, out.getvalue(), "sidewalk")
    values = {"place": {"address": "시청 앞", "lat": 37.5663, "lon": 126.9779}, "photo": {"file": kept.id},
              "details": "<b>블록</b>이 깨짐", "contact": "phone", "phone": "010-1234-5678", "consent": True}  # fmt: skip
    receipt = complaints.filing.file(CITIZEN, "sidewalk", values, key=kept.id, labels={"details": "상황"})
    with house.installation.worker_store.transaction(SYSTEM) as tx:
        tx.run(
            "update complaints set office = '복지실', readers = '{bureau:복지실}' where receipt = :r",
            {"r": receipt.receipt},
        )
    return receipt, kept


def test_from_the_officers_list_to_the_reporters_page(house: House, filed: Any) -> None:
    receipt, photo = filed
    with house.client("jung") as officer:
        listed = officer.get("/complaints/desk", params={"search": receipt.receipt}).text
        assert receipt.receipt in listed
        page = officer.get(f"/complaints/desk/{receipt.id}").text
        assert "&lt;b&gt;블록&lt;/b&gt;이 깨짐" in page
        assert "담당 부서 밖으로 내보내지 마세요" in page
        picture = officer.get(f"/complaints/desk/photos/{photo.id}")
        assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
        for state, note, version in (("assigned", "", 0), ("done", "", 1), ("done", "블록을 갈았습니다.", 1)):
            sent = {"csrf": csrf_of(page), "state": state, "note": note, "version": version}
            last = officer.post(f"/complaints/desk/{receipt.id}", data=sent)
            assert last.status_code == (422 if (state, note) == ("done", "") else 303)
    with house.client() as anyone:
        form = {"csrf": csrf_of(anyone.get("/complaints").text), "receipt": receipt.receipt}
        assert "블록을 갈았습니다." in anyone.post("/complaints", data={**form, "digits": "5678"}).text
        wrong = anyone.post("/complaints", data={**form, "digits": "0000"})
        assert wrong.status_code == 404
        assert "블록을 갈았습니다." not in wrong.text
        told = anyone.post("/api/v1/complaints/status", json={"receipt": receipt.receipt, "digits": "5678"},
                           headers={"X-CSRF-Token": form["csrf"]}).json()  # fmt: skip
        assert (told["state"], told["state_ko"]) == ("done", "완료")
        assert "subject" not in told


def test_another_office_and_citizens_see_nothing(house: House, filed: Any) -> None:
    receipt, photo = filed
    with house.client("kim") as other:
        assert receipt.receipt not in other.get("/complaints/desk").text
        assert other.get(f"/complaints/desk/{receipt.id}").status_code == 404
        assert other.get(f"/complaints/desk/photos/{photo.id}").status_code == 404
    with house.client("citizen") as citizen:
        assert citizen.get("/complaints/desk").status_code == 403


def test_a_photo_by_the_api_offers_its_place_and_a_hostile_one_is_refused(house: House) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 33.0, 58.68), 3: "E", 4: (126.0, 58.0, 40.44)})
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "JPEG", exif=exif)
    with house.client() as anyone:
        token = csrf_of(anyone.get("/complaints").text)
        sent = anyone.post("/api/v1/complaints/photos", data={"kind": "pothole", "csrf": token},
                           files={"photo": ("a.jpg", out.getvalue(), "image/jpeg")}).json()  # fmt: skip
        assert round(sent["place"]["lat"], 3) == 37.566
        assert sent["hidden"] is True
        bad = anyone.post("/api/v1/complaints/photos", data={"kind": "pothole", "csrf": token},
                          files={"photo": ("a.jpg", b"<svg/>", "image/jpeg")})  # fmt: skip
        assert (bad.status_code, bad.json()["code"]) == (422, "invalid_input")
        assert len(anyone.get("/api/v1/complaints/kinds").json()) == 54


@pytest.mark.browser
@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_pages_are_accessible_and_narrow(visitor: Any, filed: Any, language: str) -> None:
    receipt, _ = filed
    person = visitor(width=360)
    person.sign_in("jung")
    for path in ("/complaints", "/complaints/desk", f"/complaints/desk/{receipt.id}"):
        person.go(f"{path}?lang={language}")
        assert faults_of(person.page) == [], path
        assert sideways(person.page) == 0, path
    assert person.troubles == []
