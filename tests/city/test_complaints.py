"""A broken pavement is reported at City Hall, finds its district, is mended, and the reporter reads what was done."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from haechi.city.complaints import Complaints, kinds, rules
from haechi.city.complaints.deadlines import days_left, due_day
from haechi.city.complaints.photos import purge
from haechi.city.complaints.pictures import clean
from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound, TooManyRequests
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.geo import Geo

MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CITY_HALL = {"address": "시청 앞 인도", "lat": 37.5663, "lon": 126.9779}
CITIZEN, STRANGER = Actor("guest:abc", "손님"), Actor("guest:xyz", "손님")
GEO = Geo()


def officer(name: str, bureau: str, *roles: str) -> Actor:
    tags = {"public", "staff", f"bureau:{bureau}", f"user:{name}", *(f"role:{role}" for role in roles)}
    return Actor(f"user:{name}", name, frozenset(tags), frozenset(roles or ("staff",)), bureau)


JUNGGU, MAPO = officer("김중구", "중구"), officer("이마포", "마포구")
INTAKE = officer("박상담", "콜센터", "call_taker")


@pytest.fixture
def complaints(store: Store, worker_store: Store) -> Complaints:
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('중구'), ('마포구'), ('교통실')")
    return Complaints(store, worker_store, GEO)


def values(**more: Any) -> dict[str, Any]:
    return {"place": CITY_HALL, "photo": None, "details": "보도블록 세 장이 깨졌습니다", "contact": "phone",
            "phone": "010-1234-5678", "consent": True, **more}  # fmt: skip


def file(
    complaints: Complaints, kind: str = "sidewalk", key: str = "turn-1", actor: Actor = CITIZEN, **more: Any
) -> Any:
    return complaints.filing.file(actor, kind, values(**more), key=key)


def picture(size: tuple[int, int] = (640, 480), format: str = "JPEG", exif: Any = None) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(out, format, **({"exif": exif} if exif else {}))
    return out.getvalue()


def photo_with_gps() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "SecretMaker"
    gps = exif.get_ifd(0x8825)
    gps.update({1: "N", 2: (37.0, 33.0, 58.68), 3: "E", 4: (126.0, 58.0, 40.44)})
    exif[0x8825] = gps
    return picture(exif=exif)


# --- where it goes ---------------------------------------------------------------------------------------------------


def test_a_point_sends_the_report_to_its_district_and_says_why(complaints):
    receipt = file(complaints)
    assert (receipt.office, receipt.department) == ("중구", "보도 관리")
    assert "중구 태평로1가" in receipt.because
    row = complaints.handling.waiting(JUNGGU)[0]
    assert (row["gu"], row["dong"], row["state"]) == ("중구", "태평로1가", "received")
    assert complaints.handling.waiting(MAPO) == []


def test_an_address_without_a_point_is_read_and_a_doubtful_one_goes_to_a_person(complaints):
    assert file(complaints, place={"address": "마포구 공덕동 12"}, key="a").office == "마포구"
    doubtful = file(complaints, place={"address": "신사동 골목"}, key="b")
    assert doubtful.office == rules().intake_office
    assert "강남구, 은평구" in doubtful.because
    assert [row["receipt"] for row in complaints.handling.waiting(INTAKE)] == [doubtful.receipt]


def test_a_place_in_another_city_is_refused_with_its_name(complaints):
    with pytest.raises(InvalidInput) as refused:
        file(complaints, place={"address": "", "lat": 37.4292, "lon": 126.9876})
    assert "경기도 과천시" in refused.value.message
    assert "담당 부서는 여기서 알 수 없습니다" in refused.value.next_step
    assert complaints.status.own(CITIZEN) == []


def test_the_kind_and_the_answers_decide_who_acts(complaints):
    assert file(complaints, "bus_stop", key="1").office == "교통실"
    assert file(complaints, "public_bicycle", key="2").office == "서울시설공단"
    assert file(complaints, "pothole", key="3", road="ordinary").office == "중구"
    expressway = file(complaints, "pothole", key="4", road="expressway")
    assert expressway.office == "서울시설공단"
    assert "자동차전용도로" in expressway.because
    # 강남구 does not work with this installation: a person passes it on, and the reporter is told.
    far = file(complaints, key="5", place={"address": "역삼동", "lat": 37.5118, "lon": 127.0590})
    assert "이 시스템을 쓰지 않아" in far.because
    assert len(complaints.handling.waiting(INTAKE)) == 3


def test_every_kind_knows_its_office_in_every_district():
    everywhere = frozenset({*GEO.districts, *rules().headquarters.values()})
    from haechi.city.complaints.routing import place_of, route

    for gu in GEO.districts:
        place = place_of("", GEO.at(GEO.borders.inner_point(gu)), None, GEO.city)
        for kind in kinds().values():
            chosen = route(kind, place, {}, rules(), everywhere)
            if kind.level == "district":
                assert (chosen.office, chosen.intake) == (gu, False), kind.id
            else:
                assert chosen.office not in GEO.districts, kind.id
            assert chosen.because


def test_the_same_confirmation_files_once(complaints):
    first, again = file(complaints), file(complaints)
    assert first.receipt == again.receipt
    assert again.again is True
    assert file(complaints, actor=STRANGER).receipt != first.receipt
    assert len(complaints.handling.waiting(JUNGGU)) == 2


def test_a_required_photo_is_required(complaints):
    with pytest.raises(InvalidInput) as refused:
        file(complaints, "illegal_parking", plate="12가3456")
    assert refused.value.record == "photo"


# --- what the office does --------------------------------------------------------------------------------------------


def test_from_receipt_to_done_the_reporter_reads_every_step(complaints):
    receipt = file(complaints)
    with clock.frozen(MONDAY):
        complaints.handling.change(JUNGGU, receipt.id, "assigned", note="", version=0)
    complaints.handling.note(JUNGGU, receipt.id, "작년에도 같은 자리")
    complaints.handling.change(JUNGGU, receipt.id, "in_progress", note="내일 보수반이 나갑니다.", version=1)
    complaints.handling.change(JUNGGU, receipt.id, "done", note="블록 세 장을 갈았습니다.", version=2)
    told = complaints.status.look_up(receipt.receipt, "5678", address="1.2.3.4")
    assert told["state_ko"] == "완료"
    assert [(step["state"], step["note"]) for step in told["steps"]][1:] == [
        ("assigned", ""), ("in_progress", "내일 보수반이 나갑니다."), ("done", "블록 세 장을 갈았습니다."),
    ]  # fmt: skip
    assert "작년에도" not in str(told)
    assert "김중구" not in str(told)
    assert complaints.handling.waiting(JUNGGU) == []


def test_an_office_hands_on_what_is_not_its_own(complaints):
    receipt = file(complaints)
    complaints.handling.change(JUNGGU, receipt.id, "transferred", note="마포구 관할입니다.", version=0, office="마포구")
    assert [row["state"] for row in complaints.handling.waiting(MAPO)] == ["received"]
    with pytest.raises(NotFound):
        complaints.handling.change(JUNGGU, receipt.id, "done", note="끝", version=1)
    assert complaints.handling.get(JUNGGU, receipt.id)["office"] == "마포구"
    complaints.handling.change(
        MAPO, receipt.id, "transferred", note="한전 시설입니다.", version=1, office="한국전력공사"
    )
    told = complaints.status.own(CITIZEN)[0]
    assert (told["state_ko"], told["office"]) == ("이송", "한국전력공사")


def test_nobody_skips_a_step_or_overwrites_a_colleague(complaints):
    receipt = file(complaints)
    with pytest.raises(Conflict):
        complaints.handling.change(JUNGGU, receipt.id, "done", note="바로 끝", version=0)
    complaints.handling.change(JUNGGU, receipt.id, "assigned", note="", version=0)
    with pytest.raises(Conflict):
        complaints.handling.change(JUNGGU, receipt.id, "in_progress", note="", version=0)
    with pytest.raises(InvalidInput) as wordless:
        complaints.handling.change(JUNGGU, receipt.id, "rejected", note=" ", version=1)
    assert "적으세요" in wordless.value.next_step
    with pytest.raises(NotFound):
        complaints.handling.change(MAPO, receipt.id, "in_progress", note="", version=1)
    with pytest.raises(Forbidden):
        complaints.handling.waiting(CITIZEN)


# --- asking after it -------------------------------------------------------------------------------------------------


def test_a_wrong_pair_reveals_nothing_and_guessing_is_slowed(complaints):
    receipt = file(complaints)
    said = set()
    for number, digits in ((receipt.receipt, "0000"), ("20261122-QQQQ-0000", "5678")):
        with pytest.raises(NotFound) as refused:
            complaints.status.look_up(number, digits, address="9.9.9.9")
        said.add(str(refused.value))
    assert len(said) == 1
    refusals = []
    for guess in range(10):
        try:
            complaints.status.look_up(receipt.receipt, f"{guess:04d}", address="9.9.9.9")
        except (NotFound, TooManyRequests) as error:
            refusals.append(type(error))
    assert TooManyRequests in refusals
    assert refusals.index(TooManyRequests) <= rules().free_tries


def test_a_report_without_a_phone_is_seen_only_by_its_own_reporter(complaints):
    receipt = file(complaints, contact="here", phone=None)
    assert receipt.checkable is False
    with pytest.raises(NotFound):
        complaints.status.look_up(receipt.receipt, "0000", address="1.1.1.1")
    assert complaints.status.own(CITIZEN)[0]["receipt"] == receipt.receipt
    assert complaints.status.own(STRANGER) == []


def test_the_number_itself_is_kept_only_for_who_may_be_called(complaints, worker_store):
    file(complaints, key="1")
    file(complaints, key="2", contact="call")
    with worker_store.transaction(SYSTEM) as tx:
        rows = tx.all("select phone, phone_check from complaints order by key")
    assert [row["phone"] for row in rows] == ["", "010-1234-5678"]
    assert b"5678" not in bytes(rows[0]["phone_check"])


# --- days ------------------------------------------------------------------------------------------------------------


def test_working_days_leave_out_saturdays_sundays_and_holidays():
    holidays = frozenset({date(2026, 12, 25)})
    assert due_day(date(2026, 11, 23), 7, holidays) == date(2026, 12, 1)
    assert due_day(date(2026, 11, 21), 1, holidays) == date(2026, 11, 23)  # received on a Saturday
    assert due_day(date(2026, 12, 24), 2, holidays) == date(2026, 12, 28)
    assert due_day(date(2026, 11, 23), 1, holidays, first_day_counts=False) == date(2026, 11, 24)
    assert days_left(date(2026, 11, 23), date(2026, 12, 1), holidays) == 6
    assert days_left(date(2026, 12, 3), date(2026, 12, 1), holidays) == -2


def test_the_due_day_is_counted_from_the_rule_and_says_that_it_is_unproved(complaints):
    with clock.frozen(MONDAY):
        assert (file(complaints, key="1").due_on, file(complaints, "manhole", key="2").due_on) == (
            date(2026, 12, 1), date(2026, 11, 23),
        )  # fmt: skip
    assert not any(rule["proved"] for rule in rules().deadlines.values())


# --- photos ----------------------------------------------------------------------------------------------------------


def test_a_photo_loses_its_metadata_and_offers_its_place_once(complaints, worker_store):
    raw = photo_with_gps()
    assert b"SecretMaker" in raw
    kept = complaints.photos.keep(CITIZEN, raw, "sidewalk")
    assert (round(kept.place.lat, 4), round(kept.place.lon, 4)) == (37.5663, 126.9779)
    receipt = file(complaints, photo={"file": kept.id})
    with worker_store.transaction(SYSTEM) as tx:
        data = bytes(tx.value("select data from complaint_photos where id::text = :id", id=kept.id))
        everything = str(tx.all("select * from complaint_photos p join complaints c on c.id = p.complaint_id"))
    assert b"SecretMaker" not in data
    assert not Image.open(io.BytesIO(data)).getexif()
    assert "58.68" not in everything
    assert receipt.office == "중구"


def test_without_a_face_detector_the_photo_stays_with_the_office_and_says_so(complaints):
    kept = complaints.photos.keep(CITIZEN, picture(), "illegal_parking")
    assert (kept.faces, kept.hidden) == (None, True)
    assert "담당 부서만 봅니다" in kept.says[0]
    assert "번호판은 단속의 증거" in kept.says[0]
    receipt = file(complaints, "illegal_parking", photo={"file": kept.id}, plate="12가3456")
    assert complaints.handling.photo(JUNGGU, kept.id)[0] == "image/jpeg"
    for other in (MAPO, INTAKE):
        with pytest.raises(NotFound):
            complaints.handling.photo(other, kept.id)
    assert receipt.office == "중구"


def test_faces_that_a_detector_finds_cannot_be_recognised_afterwards():
    drawn = Image.new("RGB", (200, 200), "white")
    for x in range(60, 140):
        for y in range(60, 140):
            drawn.putpixel((x, y), (0, 0, 0) if (x + y) % 2 else (255, 255, 255))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    cleaned = clean(out.getvalue(), rules().photos, lambda _: [(60, 60, 140, 140)])
    after = Image.open(io.BytesIO(cleaned.data)).convert("L").crop((70, 70, 130, 130))
    low, high = after.getextrema()
    assert cleaned.faces == 1
    assert high - low < 60  # the pattern of single pixels is gone


def test_anothers_photo_cannot_be_claimed(complaints):
    kept = complaints.photos.keep(STRANGER, picture(), "sidewalk")
    with pytest.raises(InvalidInput):
        file(complaints, photo={"file": kept.id})
    assert complaints.status.own(CITIZEN) == []


def bomb() -> bytes:
    """A PNG of 60,000 × 60,000 pixels in some hundred bytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


HOSTILE = {
    "a program": b"MZ\x90\x00" + b"\0" * 500,
    "a page": b"<html><script>alert(1)</script></html>",
    "an SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "a GIF": b"GIF89a" + b"\0" * 100,
    "a JPEG only by its head": b"\xff\xd8\xff\xe0" + b"not a picture" * 20,
    "a bomb": bomb(),
    "a strip": picture((4000, 20)),
    "cut off": picture((800, 600))[:2000],
    "nothing": b"",
    "too large": b"\xff\xd8\xff" + b"\0" * (13 * 2**20),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_photo_is_refused_with_the_next_step(complaints, what):
    with pytest.raises(InvalidInput) as refused:
        complaints.photos.keep(CITIZEN, HOSTILE[what], "sidewalk")
    assert refused.value.next_step


def test_a_large_ordinary_photo_is_taken_and_a_large_progressive_one_is_not():
    large = Image.new("RGB", (7000, 5000))
    plain, progressive = io.BytesIO(), io.BytesIO()
    large.save(plain, "JPEG")
    large.save(progressive, "JPEG", progressive=True)
    cleaned = clean(plain.getvalue(), rules().photos)
    assert max(cleaned.width, cleaned.height) <= rules().photos["longest_side"]
    with pytest.raises(InvalidInput) as refused:
        clean(progressive.getvalue(), rules().photos)
    assert "7,000×5,000" in refused.value.message


def test_a_file_that_hides_behind_a_photo_does_not_survive():
    cleaned = clean(picture() + b"PK\x03\x04<script>evil()</script>", rules().photos)
    assert b"evil" not in cleaned.data
    assert b"PK\x03\x04" not in cleaned.data


def test_a_one_time_link_takes_one_photo(complaints):
    token = complaints.photos.link(CITIZEN, "sidewalk")
    with pytest.raises(InvalidInput):
        complaints.photos.keep_by_link(token, b"no picture")
    kept = complaints.photos.keep_by_link(token, photo_with_gps())
    with pytest.raises(NotFound):
        complaints.photos.keep_by_link(token, picture())
    assert complaints.photos.arrived(CITIZEN, "sidewalk") == [{"photo": kept.id, "lat": None, "lon": None}]
    complaints.photos.answer_place(token, agreed=True)
    assert round(complaints.photos.arrived(CITIZEN, "sidewalk")[0]["lat"], 4) == 37.5663
    assert complaints.photos.arrived(STRANGER, "sidewalk") == []
    late = complaints.photos.link(CITIZEN, "sidewalk")
    with clock.frozen(clock.now() + timedelta(hours=1)), pytest.raises(NotFound):
        complaints.photos.keep_by_link(late, picture())


def test_what_has_served_its_time_is_gone(complaints, worker_store):
    kept = complaints.photos.keep(CITIZEN, picture(), "sidewalk")
    unused = complaints.photos.keep(CITIZEN, picture(), "sidewalk")
    receipt = file(complaints, contact="call", photo={"file": kept.id})
    complaints.handling.change(JUNGGU, receipt.id, "rejected", note="같은 민원이 처리 중입니다.", version=0)

    def after(days: int) -> tuple[int, int, int]:
        with clock.frozen(clock.now() + timedelta(days=days)), worker_store.transaction(SYSTEM) as tx:
            purge(tx, clock.today())
            return (
                tx.value("select count(*) from complaints"), tx.value("select count(*) from complaint_photos"),
                tx.value("select count(*) from complaints where phone <> ''"),
            )  # fmt: skip

    assert after(0) == (1, 2, 1)
    assert after(2) == (1, 1, 1)
    assert unused.id != kept.id
    assert after(31) == (1, 1, 0)
    assert after(91) == (1, 0, 0)
    assert after(1096) == (0, 0, 0)
