"""What the money of a round reaches for. Integer won; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """seats at the full cap need `need_won` of `budget_won`; `fit` people fit, `short` do not."""

    seats: int
    cap_won: int
    budget_won: int
    need_won: int
    fit: int
    short: int

    @property
    def enough(self) -> bool:
        """Whether every seat can be paid at the cap."""
        return self.short == 0

    @property
    def text(self) -> tuple[str, str]:
        """(ko, en) for the screen."""
        if self.enough:
            return (
                f"{self.seats:,}명 × {self.cap_won:,}원 = {self.need_won:,}원으로 예산 {self.budget_won:,}원 안입니다.",
                f"{self.seats:,} × {self.cap_won:,} = {self.need_won:,} won, within {self.budget_won:,} won.",
            )
        return (
            f"{self.seats:,}명 × {self.cap_won:,}원 = {self.need_won:,}원으로 예산 {self.budget_won:,}원을 넘습니다. "
            f"한도까지 신청하면 {self.fit:,}명까지 지원할 수 있어 {self.short:,}명이 모자랍니다.",
            f"{self.seats:,} × {self.cap_won:,} = {self.need_won:,} won exceeds {self.budget_won:,} won: "
            f"{self.fit:,} people fit at the cap, {self.short:,} do not.",
        )


def reach(seats: int, cap_won: int, budget_won: int) -> Reach:
    """ValueError for a cap that is not positive, or a negative number of seats or won."""
    if cap_won <= 0 or seats < 0 or budget_won < 0:
        raise ValueError(f"cannot reckon with {seats} seats, {cap_won} won each, {budget_won} won")
    fit = min(seats, budget_won // cap_won)
    return Reach(seats, cap_won, budget_won, seats * cap_won, fit, seats - fit)
