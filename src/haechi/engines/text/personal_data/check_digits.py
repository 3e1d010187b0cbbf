"""Check digits and dates of Korean numbers. Arguments are strings of ASCII digits of the right length."""

from __future__ import annotations

from datetime import date

_RESIDENT = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_BUSINESS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_CENTURY = {
    "9": 1800,
    "0": 1800,
    "1": 1900,
    "2": 1900,
    "5": 1900,
    "6": 1900,
    "3": 2000,
    "4": 2000,
    "7": 2000,
    "8": 2000,
}
NO_CHECK_DIGIT_FROM = date(2020, 10, 5)
"""Since this day the last six digits are random (주민등록법 시행규칙 제2조, 2020. 10. 5. 시행): no check digit to verify."""


def birth_of(number: str) -> date | None:
    """The day that the first seven of 13 digits name, or None where there is no such day."""
    try:
        return date(_CENTURY[number[6]] + int(number[:2]), int(number[2:4]), int(number[4:6]))
    except ValueError:
        return None


def resident_digit_fits(number: str) -> bool:
    """13 digits of a 주민등록번호 (seventh digit 0–4, 9)."""
    total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT, number, strict=False))
    return (11 - total % 11) % 10 == int(number[12])


def foreigner_digit_fits(number: str) -> bool:
    """13 digits of a 외국인등록번호 or 국내거소신고번호 (seventh digit 5–8)."""
    total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT, number, strict=False))
    return (13 - total % 11) % 10 == int(number[12])


def company_digit_fits(number: str) -> bool:
    """13 digits of a 법인등록번호 (법인의 등기사항에 관한 특례법 시행규칙): weights 1, 2 by turns."""
    total = sum((1 + at % 2) * int(digit) for at, digit in enumerate(number[:12]))
    return (10 - total % 10) % 10 == int(number[12])


def business_digit_fits(number: str) -> bool:
    """10 digits of a 사업자등록번호."""
    total = sum(weight * int(digit) for weight, digit in zip(_BUSINESS, number, strict=False))
    total += int(number[8]) * 5 // 10
    return (10 - total % 10) % 10 == int(number[9])


def luhn_fits(number: str) -> bool:
    """ISO/IEC 7812-1, any length."""
    total = 0
    for at, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
