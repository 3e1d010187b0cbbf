"""Every text stands in both languages, and every text that a page asks for exists."""

import re
from datetime import date, datetime

from haechi.web import view
from haechi.web.caller import Caller
from haechi.web.wording import Wording, words

ASKED = re.compile(r"""\bt\(\s*'([a-z_]+\.[a-zA-Z0-9_]+)'\s*[,)]""")


def test_both_languages_know_the_same_texts() -> None:
    korean, english = words("ko"), words("en")
    assert set(korean) == set(english)
    blanks = re.compile(r"\{(\w+)\}")
    for key, text in korean.items():
        assert sorted(blanks.findall(text)) == sorted(blanks.findall(english[key])), key


def test_english_pages_have_no_korean_left() -> None:
    allowed = {
        "stage",
        "services.sums_text",
        "portfolio.amount_hint",
    }  # the last one names the word that the file takes
    left = [key for key, text in words("en").items() if re.search("[가-힣]", text)]
    assert [key for key in left if key not in allowed and not key.startswith("stage.")] == []


def test_every_text_that_a_template_names_exists() -> None:
    named = {
        (path.name, key) for path in view.TEMPLATES.glob("*.html") for key in ASKED.findall(path.read_text("utf-8"))
    }
    assert len(named) > 200
    assert [pair for pair in sorted(named) if pair[1] not in words("ko")] == []


def test_every_template_compiles() -> None:
    for name in view.ENVIRONMENT.list_templates():
        view.ENVIRONMENT.get_template(name)


def test_dates_and_amounts_read_as_officials_write_them() -> None:
    korean, english = Wording("ko"), Wording("en")
    assert korean.date(date(2026, 3, 5)) == "2026. 3. 5."
    assert english.date("2026-03-05") == "5 Mar 2026"
    # Seoul's calendar: late evening in UTC is the next morning there.
    assert korean.moment(datetime.fromisoformat("2026-03-05T20:30:00+00:00")) == "2026. 3. 6. 05:30"
    assert korean.won(1234000) == "1,234,000원"
    assert korean.size(999) == "999 B"
    assert korean.size(3_400_000) == "3.4 MB"


def test_nobody_is_shown_a_room_that_would_turn_them_away() -> None:
    from haechi.core.roles import User, actor_of, guest

    def rooms(caller: Caller) -> set[str]:
        return {item["key"] for item in view.navigation(caller, "/")}

    stranger = Caller(guest("x" * 30), "guest", "ko")
    officer = Caller(actor_of(User("1", "kim", "김", roles=("staff",), bureau="재무국")), "session", "ko")
    assert rooms(stranger) == {"ask", "chat", "complaints", "library", "services"}
    mine = {"answers", "bots", "desk", "drafts", "feedback", "office"}
    assert rooms(officer) == rooms(stranger) | mine


def test_signing_in_sends_nobody_to_another_site() -> None:
    for bad in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", None):
        assert view.safe_next(bad) == "/"
    assert view.safe_next("/library?page=2") == "/library?page=2"
