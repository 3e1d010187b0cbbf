"""A citizen writes their numbers in every way people do; what is theirs is hidden, what is the city's stays."""

from __future__ import annotations

import importlib
import json
import os
import re
import warnings
from pathlib import Path

import pytest
from bench.personal_data import SENTENCES, covered, names_on_klue, run
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file
from haechi.engines.text.personal_data import PLACEHOLDER, Mask, find, read_rules

WRITTEN = [json.loads(line) for line in SENTENCES.read_text("utf-8").splitlines()]
KLUE = Path(os.environ.get("HAECHI_DATA", Path(__file__).parents[5] / "shared" / "data")) / "klue" / "ner_dev.tsv"
MODULES = ("written", "numbers", "contacts", "addresses", "dates", "labelled", "tables", "networks", "names", "mask")


@pytest.mark.parametrize("case", [case for case in WRITTEN if case["kind"]], ids=lambda case: case["text"])
def test_what_a_citizen_writes_about_themselves_is_found(case):
    assert covered(case["text"], case["value"])
    assert case["kind"] in {found.kind for found in find(case["text"])}


@pytest.mark.parametrize("text", [case["text"] for case in WRITTEN if not case["kind"]])
def test_what_the_city_publishes_is_left_alone(text):
    assert find(text) == ()


def test_recall_and_precision_on_generated_sentences_reach_their_targets():
    found = run(120, 7)
    for kind in ("resident", "phone", "card", "business", "account", "address"):
        assert found["recall_synthetic"][kind]["recall"] >= 0.99, kind
    assert found["lookalikes_synthetic"]["untouched"] >= 0.98


def test_a_wrong_check_digit_makes_a_bare_number_nobodys():
    assert [found.kind for found in find("번호 9001011234568 확인")] == ["resident"]
    assert find("번호 9001011234567 확인") == ()
    assert [found.kind for found in find("주민등록번호 9001011234567 확인")] == ["resident"]


def test_a_child_born_after_the_check_digit_was_dropped_is_found_by_date_alone():
    assert [found.kind for found in find("아이는 211105-3456780입니다")] == ["resident"]
    assert find("아이는 211305-3456780입니다") == ()


def test_the_same_value_keeps_its_placeholder_and_comes_back_exactly():
    mask = Mask()
    first = mask.hide("제 번호 010-1234-5678, 아내 번호 010-8765-4321")
    second = mask.hide("다시 말하면 010-1234-5678입니다")
    assert first == "제 번호 ⟦전화1⟧, 아내 번호 ⟦전화2⟧"
    assert second == "다시 말하면 ⟦전화1⟧입니다"
    assert mask.show("⟦전화2⟧와 ⟦ 전화1 ⟧") == "010-8765-4321와 010-1234-5678"


def test_a_placeholder_that_somebody_typed_gives_nobodys_number():
    mask = Mask()
    hidden = mask.hide("⟦전화1⟧이 뭐예요? 제 번호는 010-1234-5678")
    assert mask.show(hidden) == "⟦전화1⟧이 뭐예요? 제 번호는 010-1234-5678"
    assert Mask().show("⟦전화1⟧") == "⟦전화1⟧"


_PIECES = st.sampled_from(
    ["010-1234-5678", "⟦전화1⟧", "⟦글1⟧", "⟦", "⟧", "공일공", "\u200b", "900101-1234568", "성명: 홍길동", "０１０", " ", "\n", "로 152", "님", "-", "1", "ㅡ", "\u1112\u1161\u11ab"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES | st.text(max_size=6), max_size=14).map("".join))
def test_every_text_comes_back_as_it_was(text):
    mask = Mask()
    hidden = mask.hide(text)
    assert mask.show(hidden) == text
    for found in find(text):
        assert text[found.start : found.end] == found.text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_number_between_any_two_texts_is_not_let_through(before, after):
    assert "010-2345-6789" not in Mask().hide(f"{before}\n010-2345-6789\n{after}")


def test_no_pattern_can_run_away():
    """No repetition without bound holds another one: matching never goes back over the same text many times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = importlib.import_module("re._parser")
    seen = 0
    for name in MODULES:
        module = importlib.import_module(f"haechi.engines.text.personal_data.{name}")
        for pattern in [value for value in vars(module).values() if isinstance(value, re.Pattern)]:
            seen += 1
            assert not _unbounded(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE), parser), pattern.pattern
    names = importlib.import_module("haechi.engines.text.personal_data.names")
    patterns = names._patterns(importlib.import_module("haechi.engines.text.personal_data.rules").in_force())
    for pattern in (*patterns.given, patterns.numbered):
        assert not _unbounded(parser.parse(pattern.pattern), parser)
    assert seen >= 12


def _unbounded(parsed, parser):
    """Whether a repetition that may exceed 5,000 stands inside or beside another in the pattern; spoken runs are one class."""
    for operation, argument in parsed:
        if operation in (parser.MAX_REPEAT, parser.MIN_REPEAT):
            _, most, inner = argument
            if most == parser.MAXREPEAT and any(
                op in (parser.MAX_REPEAT, parser.MIN_REPEAT) and arg[1] == parser.MAXREPEAT for op, arg in inner
            ):
                return True
            if _unbounded(inner, parser):
                return True
        elif (operation == parser.SUBPATTERN and _unbounded(argument[3], parser)) or (
            operation == parser.BRANCH and any(_unbounded(branch, parser) for branch in argument[1])
        ):
            return True
    return False


def test_rules_that_forget_a_kind_say_which(tmp_path):
    given = policy_file("personal_data.yaml").read_text("utf-8")
    broken = tmp_path / "personal_data.yaml"
    broken.write_text(re.sub(r"\n  licence: .*", "", given), "utf-8")
    with pytest.raises(InvalidInput, match="licence"):
        read_rules(broken)


def test_a_kind_that_the_city_switched_off_is_left(tmp_path):
    given = policy_file("personal_data.yaml").read_text("utf-8")
    changed = tmp_path / "personal_data.yaml"
    changed.write_text(
        given.replace("email: {ko: 이메일, en: e-mail, active: true", "email: {ko: 이메일, en: e-mail, active: false"),
        "utf-8",
    )
    rules = read_rules(changed)
    assert Mask(rules).hide("a.b@naver.com 010-1234-5678") == "a.b@naver.com ⟦전화1⟧"


def test_every_kind_names_its_law():
    rules = read_rules(policy_file("personal_data.yaml"))
    assert all("법" in kind.law for kind in rules.kinds.values())
    assert all(PLACEHOLDER.fullmatch(f"⟦{kind.label}12⟧") for kind in rules.kinds.values())


@pytest.mark.data
@pytest.mark.skipif(not KLUE.exists(), reason="HAECHI_DATA/klue is not here")
def test_what_is_masked_as_a_name_in_the_news_is_a_name():
    assert names_on_klue(KLUE)["precision"] >= 0.95
