"""The floor plan: rectangles in metres, what does not fit, how much is assigned, and the drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Space:
    """A hall, a zone in it, a booth in a zone. x, y: of its upper left corner inside its parent, metres; w, d: width and depth.

    area_m2: as a document states it; without one width times depth. A zone with neither width nor depth is known by its
    area alone and is not drawn. parent: the parent's code, '' for a hall."""

    kind: str
    code: str
    parent: str = ""
    name: tuple[str, str] = ("", "")
    x: float = 0.0
    y: float = 0.0
    w: float = 0.0
    d: float = 0.0
    area_m2: float | None = None
    power_kw: float = 0.0

    @property
    def area(self) -> float:
        """Square metres."""
        return self.area_m2 if self.area_m2 is not None else self.w * self.d

    @property
    def drawn(self) -> bool:
        """Whether it has a place on the plan."""
        return self.w > 0 and self.d > 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit (ko, en), and the space that it is about."""

    code: str
    text: tuple[str, str]


def measured_area(spaces: Sequence[Space], hall: str) -> tuple[float, float]:
    """Square metres of a hall that are assigned to zones, and that are not. The second one is shown, never hidden."""
    whole = next(space for space in spaces if space.code == hall)
    assigned = sum(space.area for space in spaces if space.parent == hall)
    return assigned, whole.area - assigned


def faults(spaces: Sequence[Space], *, aisle: float) -> list[Fault]:
    """Every space that leaves its parent, overlaps a neighbour, stands too near another booth (`aisle` metres), or states an
    area that its rectangle does not have; and halls with more assigned than there is. O(n log n) where few stand side by side."""
    by_code = {space.code: space for space in spaces}
    found = [fault for space in spaces for fault in _own(space, by_code)]
    found += [fault for zone in spaces if zone.kind == "zone" for fault in _full(zone, spaces)]
    for group in _neighbours(spaces, by_code):
        found += _beside(sorted(group, key=lambda space: (space.x, space.code)), aisle)
    for hall in (space for space in spaces if space.kind == "hall"):
        _, left = measured_area(spaces, hall.code)
        if left < -NEAR:
            found.append(
                Fault(
                    hall.code,
                    (f"‘{hall.code}’에 {-left:,.0f}㎡를 더 배정했습니다.", f"{hall.code}: {-left:,.0f} m² too much."),
                )
            )
    return found


def _neighbours(spaces: Sequence[Space], by_code: Mapping[str, Space]) -> list[list[Space]]:
    """What may be too near one another: the zones of a hall, and its booths across its zones, each where the hall has it."""
    groups: dict[tuple[str, str], list[Space]] = {}
    for space in (one for one in spaces if one.parent and one.drawn):
        parent = by_code.get(space.parent)
        if space.kind == "booth" and parent is not None and parent.drawn:
            space = replace(space, x=parent.x + space.x, y=parent.y + space.y)
            groups.setdefault(("booth", parent.parent), []).append(space)
        else:
            groups.setdefault((space.kind, space.parent), []).append(space)
    return list(groups.values())


def _full(zone: Space, spaces: Sequence[Space]) -> list[Fault]:
    """A zone known by its area alone cannot hold more booths than it has room."""
    needed = sum(space.area for space in spaces if space.parent == zone.code)
    if zone.drawn or needed <= zone.area + NEAR:
        return []
    text = f"‘{zone.code}’의 부스가 {needed:,.0f}㎡로, 구역의 {zone.area:,.0f}㎡보다 넓습니다."
    return [Fault(zone.code, (text, f"{zone.code}: booths of {needed:,.0f} m² in {zone.area:,.0f} m²."))]


def _own(space: Space, by_code: Mapping[str, Space]) -> list[Fault]:
    if space.drawn and space.area_m2 is not None and space.area_m2 > space.w * space.d + NEAR:
        text = f"‘{space.code}’의 면적 {space.area_m2:,.0f}㎡가 폭×깊이 {space.w * space.d:,.0f}㎡보다 넓습니다."
        return [Fault(space.code, (text, f"{space.code}: more area than its rectangle has."))]
    if not space.parent:
        return []
    parent = by_code.get(space.parent)
    if parent is None:
        return [
            Fault(
                space.code,
                (f"‘{space.code}’이(가) 들어갈 ‘{space.parent}’이(가) 없습니다.", f"{space.code}: no {space.parent}."),
            )
        ]
    if not space.drawn:
        return (
            []
            if space.area > 0
            else [Fault(space.code, (f"‘{space.code}’의 크기가 없습니다.", f"{space.code} has no size."))]
        )
    outside = (
        space.x < -NEAR or space.y < -NEAR or space.x + space.w > parent.w + NEAR or space.y + space.d > parent.d + NEAR
    )
    if parent.drawn and outside:
        return [
            Fault(
                space.code,
                (f"‘{space.code}’이(가) ‘{parent.code}’ 밖으로 나갑니다.", f"{space.code} leaves {parent.code}."),
            )
        ]
    return []


def _beside(group: Sequence[Space], aisle: float) -> list[Fault]:
    found: list[Fault] = []
    for at, one in enumerate(group):
        gap = aisle if one.kind == "booth" else 0.0
        for other in group[at + 1 :]:
            if other.x >= one.x + one.w + gap - NEAR:
                break
            apart = max(other.x - one.x - one.w, other.y - one.y - one.d, one.y - other.y - other.d)
            if apart < -NEAR:
                found.append(
                    Fault(
                        other.code,
                        (f"‘{one.code}’과(와) ‘{other.code}’이(가) 겹칩니다.", f"{one.code} and {other.code} overlap."),
                    )
                )
            elif NEAR < apart < gap - NEAR:  # back to back is allowed; a gap that is no aisle is not
                found.append(
                    Fault(
                        other.code,
                        (
                            f"‘{one.code}’과(와) ‘{other.code}’ 사이가 {apart:.1f}m입니다. 통로는 {gap:g}m 이상이어야 합니다.",
                            f"{apart:.1f} m between {one.code} and {other.code}.",
                        ),
                    )
                )
    return found


def svg(
    spaces: Sequence[Space], hall: str, *, label: str, taken: Mapping[str, str] | None = None, language: str = "ko"
) -> str:
    """The plan of a hall as SVG, one unit a metre; '' for a hall that is not drawn. taken: booth → whose it is."""
    by_code = {space.code: space for space in spaces}
    whole = by_code[hall]
    if not whole.drawn:
        return ""
    parts = [_box(whole, "hall", "", language)]
    for zone in (space for space in spaces if space.parent == hall and space.drawn):
        parts.append(_box(zone, "zone", "", language))
        for booth in (space for space in spaces if space.parent == zone.code and space.drawn):
            placed = replace(booth, x=zone.x + booth.x, y=zone.y + booth.y)
            whose = (taken or {}).get(booth.code, "")
            parts.append(_box(placed, "booth taken" if whose else "booth", whose, language))
    body = "".join(parts)
    return (
        f'<svg class="plan" role="img" aria-label="{escape(label)}" viewBox="-1 -1 {whole.w + 2:g} {whole.d + 2:g}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _box(space: Space, looks: str, whose: str, language: str) -> str:
    name = space.name[0 if language == "ko" else 1] or space.name[0] or space.code
    text = whose or (name if space.kind != "hall" else "")
    size = min(2.2, max(0.5, space.w / max(4, len(text)) * 1.1)) if text else 0
    title = escape(f"{name} {space.area:,.0f}㎡{' · ' + whose if whose else ''}")
    words = (
        f'<text x="{space.x + 0.3:g}" y="{space.y + size + 0.3:g}" font-size="{size:.2f}">{escape(text)}</text>'
        if text
        else ""
    )
    return f'<g class="{looks}"><title>{title}</title><rect x="{space.x:g}" y="{space.y:g}" width="{space.w:g}" height="{space.d:g}"/>{words}</g>'
