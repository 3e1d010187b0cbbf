"""What the pages refuse, hide and promise, over real HTTP against a real house."""

import re
import socket
from datetime import timedelta
from urllib.parse import urlparse

import httpx
from tests.house import PASSWORD, House, csrf_of

from haechi.core import clock


def test_every_answer_carries_the_headers_and_no_page_runs_inline_code(house: House) -> None:
    with house.client() as client:
        for path in ("/", "/login", "/nowhere", "/static/haechi.css", "/api/v1/status"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
        for path in ("/", "/login", "/ask", "/library", "/services", "/services/39", "/status", "/api"):
            html = client.get(path).text
            assert re.findall(r"<script(?![^>]*\bsrc=)", html) == [], path
            assert re.findall(r"\s(?:style|on\w+)=", html) == [], path
            assert re.findall(r"(?:src|href)=\"(?:https?:)?//", html) == [], path


def test_a_form_without_its_token_changes_nothing(house: House) -> None:
    with house.client() as client:
        answer = client.post("/login", data={"login": "kim", "password": PASSWORD})
        assert answer.status_code == 403
        assert "haechi_session" not in answer.cookies
        token = csrf_of(client.get("/login").text)
        elsewhere = {"sec-fetch-site": "cross-site"}
        sent = {"login": "kim", "password": PASSWORD, "csrf": token}
        assert client.post("/login", data=sent, headers=elsewhere).status_code == 403
        assert client.post("/login", data={**sent, "csrf": "f" * 40}).status_code == 403
        assert client.post("/login", data=sent).status_code == 303


def test_an_api_call_that_leans_on_a_cookie_needs_the_token_too(house: House) -> None:
    with house.client("kim") as client:
        refused = client.post("/api/v1/ask", json={"question": "누구인가?"})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        token = csrf_of(client.get("/ask").text)
        taken = client.post("/api/v1/ask", json={"question": "누구인가?"}, headers={"x-csrf-token": token})
        assert taken.status_code == 200
        assert taken.text.startswith("event: accepted")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    with house.client() as client:
        sent = {"login": "kim", "password": PASSWORD, "csrf": csrf_of(client.get("/login").text)}
        cookie = client.post("/login", data=sent).headers["set-cookie"]
    assert re.search(r"haechi_session=\S+;.*HttpOnly.*SameSite=lax", cookie)
    assert "Secure" not in cookie  # plain http on this machine; over https it is set


def test_signing_out_ends_the_session_at_once(house: House) -> None:
    with house.client("jung") as client:
        assert client.get("/me").status_code == 200
        client.post("/logout", data={"csrf": csrf_of(client.get("/me").text)})
        assert client.get("/me").status_code == 401


def test_a_wrong_password_keeps_the_login_and_never_the_password(house: House) -> None:
    with house.client() as client:
        sent = {"login": "nobody", "password": "틀린-비밀번호", "csrf": csrf_of(client.get("/login").text)}
        answer = client.post("/login", data=sent)
    assert answer.status_code == 401
    assert 'value="nobody"' in answer.text
    assert "틀린-비밀번호" not in answer.text


def test_a_citizen_cannot_tell_a_hidden_document_from_none(house: House) -> None:
    hidden = house.put("kim", "감사 대비 문건.md", "# 감사 대비 문건\n\n예비비 집행 내역을 정리합니다.", grade="bureau")
    with house.client("citizen") as citizen, house.client("jung") as neighbour:
        for who in (citizen, neighbour):
            assert "감사 대비" not in who.get("/library").text
            assert who.get("/api/v1/documents?search=감사 대비").json() == {"rows": [], "total": 0}
            real, none = who.get(f"/library/{hidden}"), who.get("/library/00000000-0000-4000-8000-000000000000")
            assert real.status_code == none.status_code == 404
            blank = "id"
            assert real.text.replace(hidden, blank) == none.text.replace("00000000-0000-4000-8000-000000000000", blank)


def test_rooms_of_others_stay_closed(house: House) -> None:
    with house.client("citizen") as citizen, house.client("kim") as officer, house.client("nam") as auditor:
        assert [citizen.get(path).status_code for path in ("/admin", "/feedback", "/library/new")] == [403] * 3
        assert [officer.get(path).status_code for path in ("/admin", "/admin/people", "/admin/audit")] == [403] * 3
        assert [auditor.get(path).status_code for path in ("/admin", "/admin/people", "/admin/audit")] == [200] * 3
        token = csrf_of(auditor.get("/admin/people").text)
        sent = {"csrf": token, "login": "new", "name": "새", "password": PASSWORD, "roles": "admin"}
        assert auditor.post("/admin/people", data=sent).status_code == 403


def test_a_key_shows_once_works_within_its_scope_and_stops_when_revoked(house: House) -> None:
    with house.client("head") as admin:
        token = csrf_of(admin.get("/admin/keys").text)
        sent = {"csrf": token, "holder": "bureau:재무국", "scopes": "search", "note": "시험", "days": "30"}
        made = admin.post("/admin/keys", data=sent).text
        secret = re.search(r"hk_[a-z0-9]{8}_[\w-]{43}", made)
        assert secret is not None
        assert secret[0] not in admin.get("/admin/keys").text
        with httpx.Client(base_url=house.address, headers={"authorization": f"Bearer {secret[0]}"}) as program:
            assert program.get("/api/v1/documents").status_code == 200
            refused = program.post("/api/v1/ask", json={"question": "정기권은?"})
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            key = next(key for key in house.installation.keys.all() if secret[0].startswith(f"hk_{key.prefix}"))
            assert key.expires_at - clock.now() < timedelta(days=31)
            admin.post(f"/admin/keys/{key.id}/revoke", data={"csrf": token})
            assert program.get("/api/v1/documents").status_code == 401


def test_the_original_is_only_ever_a_download(house: House) -> None:
    document = house.put(
        "kim", "장난.html", "<html><body><p>공영주차장 안내</p><script>alert(1)</script></body></html>"
    )
    with house.client("kim") as client:
        version = client.get(f"/api/v1/documents/{document}").json()["version_id"]
        answer = client.get(f"/library/{document}/versions/{version}/original")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_a_body_that_never_ends_is_refused_before_it_fills_anything(house: House) -> None:
    place = urlparse(house.address)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as line:
        head = f"POST /api/v1/ask HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        line.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        try:
            for _ in range(64):
                line.sendall(chunk)
        except OSError:
            pass
        assert b" 413 " in line.recv(200)


def test_text_that_no_database_can_hold_is_the_senders_fault(house: House) -> None:
    with house.client() as client:
        assert client.get("/api/v1/documents?search=a%00b").status_code == 422
        assert client.get("/library?search=%00").status_code == 422
        answer = client.post(
            "/api/v1/ask", content=b'{"question": "\\ud800 a"}', headers={"content-type": "application/json"}
        )
        assert answer.status_code in (403, 422)


def test_the_audit_log_is_verified_on_the_screen(house: House) -> None:
    with house.client("nam") as auditor:
        page = auditor.get("/admin/audit")
        assert "session.opened" in page.text
        checked = auditor.post("/admin/audit/verify", data={"csrf": csrf_of(page.text)})
    assert re.search(r"기록 [\d,]+건이 모두 맞습니다", checked.text)


def test_a_newcomer_must_choose_a_password_of_their_own(house: House) -> None:
    with house.client("head") as admin:
        token = csrf_of(admin.get("/admin/people").text)
        sent = {
            "csrf": token,
            "login": "newcomer",
            "name": "새내기",
            "password": PASSWORD,
            "roles": "staff",
            "bureau": "복지실",
        }
        assert admin.post("/admin/people", data=sent).status_code == 303
    with house.client("newcomer") as newcomer:
        assert "처음 받은 비밀번호" in newcomer.get("/me").text
        own = "나만-아는-긴-문장-하나"
        token = csrf_of(newcomer.get("/me").text)
        sent = {"csrf": token, "old": PASSWORD, "new": own, "again": own}
        assert newcomer.post("/me/password", data={**sent, "again": "다름"}).status_code == 422
        assert newcomer.post("/me/password", data=sent).status_code == 303
        assert newcomer.get("/me").status_code == 401


def test_static_files_are_kept_for_ever_by_their_hash_and_never_lead_outside(house: House) -> None:
    with house.client() as client:
        address = re.search(r"/static/haechi\.css\?v=[0-9a-f]+", client.get("/").text)
        assert address is not None
        styles = client.get(address[0])
        assert "immutable" in styles.headers["cache-control"]
        assert styles.headers["content-encoding"] == "gzip"
        assert client.get(address[0], headers={"if-none-match": styles.headers["etag"]}).status_code == 304
        for bad in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fcli.py", "/static//etc/passwd"):
            assert client.get(bad).status_code == 404, bad
