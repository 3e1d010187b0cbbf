"""The portfolio in a browser: a file previewed and stored, two editors, and another bureau refused."""

from __future__ import annotations

import json
from typing import Any

from tests.house import House, csrf_of, faults_of, sideways


def test_a_file_two_editors_and_another_bureau(visitor: Any, house: House) -> None:
    team = visitor()
    team.sign_in("ai")
    page = team.page
    team.go("/portfolio?field=safety")
    page.wait_for_selector("text=23개 가운데 22개만 읽힙니다.")
    assert faults_of(page) == []
    with house.client("ai") as client:
        told = json.loads(client.get("/portfolio/file/portfolio.json").content)
    row = next(one for one in told["rows"] if one["number"] == "26")
    row["continuity"] = "신규"
    told["rows"].append(
        {"row": "예산", "number": "26", "label": "", "year": "2025", "kind": "본예산", "won": "200000000", "source": "예산서"}
    )  # fmt: skip
    file = {"name": "portfolio.json", "mimeType": "application/json", "buffer": json.dumps(told).encode()}
    team.go("/portfolio/file")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="달라지는 점 보기").click()
    page.wait_for_selector("text=달라지는 칸 2개")
    assert faults_of(page) == []
    page.get_by_role("button", name="이대로 저장").click()
    page.wait_for_selector("text=파일의 내용을 저장했습니다.")
    page.wait_for_selector("text=62,000,000,000원 적습니다")

    second = visitor(width=360)
    second.sign_in("ai2")
    for one in (team, second):
        one.go("/portfolio/26")
    page.fill("#note", "먼저 적은 메모")
    page.get_by_role("button", name="저장", exact=True).first.click()
    page.wait_for_selector("text=먼저 적은 메모")
    other = second.page
    other.fill("#note", "나중 메모")
    other.get_by_role("button", name="저장", exact=True).first.click()
    other.wait_for_selector("text=그사이 하늘찬이(가) 같은 항목 1개를 고쳤습니다.")
    assert other.input_value("#note") == "나중 메모"
    assert faults_of(other) == []
    assert sideways(other) <= 0
    other.get_by_role("button", name="적은 값으로 저장").click()
    other.wait_for_selector("text=먼저 적은 메모 → 나중 메모")
    for address in ("/portfolio", "/portfolio/file"):
        second.go(address)
        assert sideways(other) <= 0, address
        assert faults_of(other) == [], address

    with house.client("owner") as client:
        seen = client.get("/portfolio/26").text
        assert 'action="/portfolio/26"' not in seen
        assert "나중 메모" in seen
        answer = client.post("/portfolio/26", data={"csrf": csrf_of(seen), "version": "3", "note": "남의 것"})
        assert answer.status_code == 403
        assert client.get("/portfolio/file").status_code == 403
        assert "남의 것" not in client.get("/portfolio/26").text
