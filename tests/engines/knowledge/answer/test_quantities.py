"""The same amount, day or number written differently is the same; a different one is not."""

from __future__ import annotations

import time

import pytest

from haechi.engines.knowledge.answer.quantities import (
    find_quantities,
    normalise_quantities,
    parse_number,
    same_quantity,
)


def only(text):
    found = find_quantities(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("300만 원", "삼백만원"),
        ("3백만원", "3,000,000원"),
        ("1억 2000만 원", "120,000,000원"),
        ("372백만원", "3억 7,200만 원"),
        ("2025. 3. 1.", "'25.3.1"),
        ("2025년 3월 1일", "2025-03-01"),
        ("3월 15일", "3. 15."),
        ("오후 6시", "18:00"),
        ("열 명", "10인"),
        ("두 달", "2개월"),
        ("3분의 2", "2/3"),
        ("제5조 제2항", "제5조제2항"),
    ],
)
def test_two_notations_of_one_quantity_agree(one, other):
    assert same_quantity(only(one), only(other))
    assert normalise_quantities(one) == normalise_quantities(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("300만 원", "30만 원"),
        ("2025년 3월 1일", "2025년 3월 11일"),
        ("오전 6시", "오후 6시"),
        ("3명", "3개"),
        ("50%", "50명"),
        ("제5조", "제6조"),
    ],
)
def test_different_quantities_differ(one, other):
    assert not same_quantity(only(one), only(other))


def test_bounds_and_places_are_kept():
    text = "만 19세 이상 39세 이하, 300만 원 미만"
    found = find_quantities(text)
    assert [(q.value, q.unit, q.bound) for q in found] == [
        ("19", "세", "이상"),
        ("39", "세", "이하"),
        ("3000000", "원", "미만"),
    ]
    assert all(text[q.start : q.end] == q.text for q in found)


def test_numbers_in_words_are_read():
    assert parse_number("이천이십오") == 2025
    assert parse_number("111만 9,000") == 1_119_000
    assert parse_number("가나다") is None


@pytest.mark.parametrize("piece", ["12,", "1 ", "1.2.3.", "12만", "2025. ", "일이삼", "1", "-1234", "02-", "0.1,"])
def test_a_hostile_line_costs_little(piece):
    started = time.process_time()
    find_quantities(piece * (4000 // len(piece)))
    assert time.process_time() - started < 5
