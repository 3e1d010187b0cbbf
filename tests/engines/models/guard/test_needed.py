"""The glance before a rule never changes what the rule says."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.engines.models.guard import in_force
from haechi.engines.models.guard.needed import may_match, needed
from haechi.engines.models.guard.requests import readings

HERE = Path(__file__).parent
PATTERNS = [pattern for rule in (*in_force().requests, *in_force().documents) for pattern in (*rule.all, *rule.none)]
TEXTS = [
    str(value)
    for line in chain.from_iterable(
        (HERE / name).read_text(encoding="utf-8").splitlines() for name in ("attacks.jsonl", "benign.jsonl")
    )
    if line.strip()
    for value in json.loads(line).values()
    if isinstance(value, str)
]


def test_whatever_a_rule_finds_the_glance_lets_through() -> None:
    spared = searched = 0
    for text in TEXTS:
        for reading in readings(text):
            for pattern in PATTERNS:
                let_through = may_match(reading, needed(pattern))
                searched += let_through
                spared += not let_through
                assert let_through or not pattern.search(reading), (pattern.pattern, reading)
    assert spared > searched


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("무시해|잊어", ("무시해", "잊어")),
        ("(이전|위의?) {0,1}.{0,12}지시", ("지시",)),
        ("a?b*", ()),
        ("(가나|다)?라마", ("라마",)),
        ("(?:가나){2,}", ("가나",)),
        ("[가나]", ("가", "나")),
        ("[가-힣]{2}", ()),
        ("(?i:abc)", ()),
        ("(?<![a-z])dan(?![a-z])", ("dan",)),
        ("가|", ()),
    ],
)
def test_only_what_every_match_contains_is_needed(pattern: str, words: tuple[str, ...]) -> None:
    assert needed(re.compile(pattern)) == words


@given(st.text(alphabet="가나다라마 ab1.", max_size=30))
def test_a_text_that_matches_is_never_passed_over(text: str) -> None:
    for written in ("가나|다라", "가(나|다)?라", "(가|나)+마", "a{1,2}b", "[가나]다", "(?=가나)가", "(?<=가)나|b1"):
        pattern = re.compile(written)
        assert may_match(text, needed(pattern)) or not pattern.search(text)
