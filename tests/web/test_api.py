"""The API tells programs what the pages tell people."""

import json

from tests.house import House, csrf_of

PARKING = """# 시민 자전거 대여 안내

## 요금
하루 이용권은 1,000원입니다. 보증금은 없습니다.

## 반납
빌린 자전거는 22시까지 아무 대여소에나 반납합니다.
"""


def test_an_answer_streams_with_its_sources_and_is_kept(house: House) -> None:
    document = house.put("kim", "시민 자전거 대여 안내.md", PARKING)
    with house.client("citizen") as client:
        headers = {"x-csrf-token": csrf_of(client.get("/ask").text)}
        asked = {"question": "시민 자전거 하루 이용권은 얼마인가요?"}
        with client.stream("POST", "/api/v1/ask", json=asked, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
        events = [json.loads(line[6:]) for line in lines]
        names = [event["event"] for event in events]
        assert (names[0], names[-1]) == ("accepted", "done")
        assert "1,000원" in events[-1]["text"]
        citation = next(event for event in events if event["event"] == "citation")
        assert citation["document_id"] == document
        passage = client.get(f"/api/v1/passages/{citation['passage_id']}").json()
        assert citation["quote"] in passage["text"]
        kept = client.get(f"/api/v1/conversations/{events[0]['conversation_id']}").json()
        assert kept["turns"][0]["answer"] == events[-1]["text"]


def test_a_program_may_have_the_whole_answer_at_once(house: House) -> None:
    house.put("kim", "시민 자전거 대여 안내 2.md", PARKING)
    with house.client() as client:
        headers = {"accept": "application/json"}
        answer = client.post("/api/v1/ask", json={"question": "자전거는 몇 시까지 반납하나요?"}, headers=headers).json()
    assert answer["answered"] is True
    assert "22시" in answer["text"]
    assert answer["citations"][0]["quote"]


def test_what_cannot_be_asked_is_said_before_the_stream_begins(house: House) -> None:
    with house.client() as client:
        empty = client.post("/api/v1/ask", json={"question": "   "})
        assert (empty.status_code, empty.json()["code"]) == (422, "invalid_input")
        assert empty.json()["next_step"]
        unknown = client.post("/api/v1/ask", json={"question": "그럼?", "conversation_id": "없는 대화"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_the_same_upload_twice_is_taken_once(house: House) -> None:
    with house.client("kim") as client:
        headers = {"x-csrf-token": csrf_of(client.get("/ask").text), "idempotency-key": "plan-17"}
        receipts = [
            client.post(
                "/api/v1/documents",
                data={"bureau": "재무국"},
                files={"file": ("계획.txt", b"\xea\xb3\x84\xed\x9a\x8d", "text/plain")},
                headers=headers,
            )
            for _ in range(2)
        ]
    assert [receipt.status_code for receipt in receipts] == [202, 202]
    assert receipts[0].json()["document_id"] == receipts[1].json()["document_id"]


def test_the_description_speaks_both_languages(house: House) -> None:
    with house.client() as client:
        description = client.get("/api/v1/openapi.json").json()
        page = client.get("/api").text
    for path, methods in description["paths"].items():
        for call in methods.values():
            assert " · " in call["summary"], path
        assert path in page


def test_a_stranger_sees_the_state_without_commands_or_addresses(house: House) -> None:
    with house.client() as client:
        parts = client.get("/api/v1/status").json()["parts"]
        assert all(set(part) == {"name", "state"} for part in parts)
        assert client.get("/healthz").text == "ok"
        assert "HAECHI_MODEL_URL" not in client.get("/status").text
    with house.client("head") as admin:
        assert "HAECHI_MODEL_URL" in admin.get("/admin").text


def test_the_portfolio_counts_what_the_plan_counts(house: House) -> None:
    with house.client() as client:
        counts = {row["what"]: row for row in client.get("/api/v1/services").json()["reconciliation"]}
        assert counts["서비스"]["register"] == counts["서비스"]["plan"] == 45
        page = client.get("/services/26").text
        assert "구현 전" in page
        assert "아직 만들지 않았습니다" in page
        assert client.get("/services/999").status_code == 404
        only = client.get("/services?field=safety", headers={"hx-request": "true"}).text
    assert "서비스 16건" in only
    assert "<html" not in only
