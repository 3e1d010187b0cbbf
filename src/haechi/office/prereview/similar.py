"""Which running and past projects resemble a filing, and why: shared rare words, weighed by how rare they are.

Deterministic, no model: content words by Kiwi (the library's own), idf over all projects, cosine of the word sets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from haechi.core.manifest import Manifest
from haechi.engines.knowledge.retrieval.terms import KiwiTerms

STOP = frozenset({
    "사업", "서비스", "시스템", "구축", "운영", "활용", "기반", "통해", "위한", "대한", "관련", "제공", "개선", "추진", "도입",
    "사용", "이용", "ai", "인공지능", "서울시", "서울", "시민", "직원", "담당자", "담당", "업무", "자료", "데이터", "기능", "결과",
    "사람", "현재", "필요", "가능", "방법", "경우", "정보", "관리",
})  # fmt: skip
"""Words that stand in nearly every filing of a city's AI team; rareness alone cannot tell on a few dozen projects."""
SHOWN_WORDS = 6
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Project:
    """Something a filing is compared with. ref: 'service:27' or 'case:<id>'. terms: distinct, sorted."""

    ref: str
    title: str
    bureau: str
    state: str
    terms: tuple[str, ...]
    number: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A project that resembles it. score: 0–1. words: what they share, the most telling first. reason: (ko, en)."""

    project: Project
    score: float
    words: tuple[str, ...]
    same_bureau: bool

    @property
    def reason(self) -> tuple[str, str]:
        """Why it stands in the list, in words."""
        named = ", ".join(f"‘{word}’" for word in self.words)
        bureau = " 부서도 같습니다." if self.same_bureau else ""
        return (
            f"함께 쓰는 드문 낱말: {named}.{bureau}",
            f"Shared rare words: {named}.{' Same bureau.' if self.same_bureau else ''}",
        )


def terms_of(*texts: str) -> tuple[str, ...]:
    """Distinct content words of two letters or more, sorted. The same texts give the same words always."""
    (words,) = KiwiTerms().terms(["\n".join(text for text in texts if text)[:LONGEST]])
    return tuple(sorted({word for word in words if len(word) > 1 and not word.isdigit() and word not in STOP}))


def service_project(manifest: Manifest) -> Project:
    """A service of the portfolio as a project."""
    terms = terms_of(
        manifest.name.ko, manifest.about.ko, *manifest.about.users, *manifest.io.inputs, *manifest.io.outputs,
        *manifest.engines.values(),
    )  # fmt: skip
    return Project(
        f"service:{manifest.number}", manifest.name.ko, manifest.bureau, manifest.stage, terms, f"{manifest.number}번"
    )


def rare(terms: Collection[str], counts: Mapping[str, int], *, at_most: int) -> tuple[str, ...]:
    """The rarest terms whose projects add up to `at_most`: what is looked up, so that a search never reads every project.

    Terms that stand nowhere are left out. O(terms log terms).
    """
    chosen: list[str] = []
    read = 0
    for term in sorted((t for t in terms if counts.get(t)), key=lambda t: (counts[t], t)):
        read += counts[term]
        if chosen and read > at_most:
            break
        chosen.append(term)
    return tuple(chosen)


def ranked(
    terms: Collection[str], bureau: str, projects: Sequence[Project], counts: Mapping[str, int], total: int,
    *, least: float, most: int,
) -> tuple[Hit, ...]:  # fmt: skip
    """Projects by likeness, the nearest first (ties by ref), at least `least`, at most `most`.

    counts: in how many of the `total` projects each term stands. O(projects × terms).
    """
    mine = set(terms)
    own = sqrt(sum(_idf(term, counts, total) ** 2 for term in mine))
    hits = []
    for project in projects:
        shared = sorted(mine & set(project.terms), key=lambda t: (-_idf(t, counts, total), t))
        if not shared:
            continue
        length = sqrt(sum(_idf(term, counts, total) ** 2 for term in project.terms))
        score = sum(_idf(term, counts, total) ** 2 for term in shared) / (own * length)
        if score >= least:
            same = bool(bureau) and bureau == project.bureau
            hits.append(Hit(project, round(score, 4), tuple(shared[:SHOWN_WORDS]), same))
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.project.ref))[:most])


def _idf(term: str, counts: Mapping[str, int], total: int) -> float:
    """Robertson and Spärck Jones with 0.5 added, floored: log(1 + (N − n + 0.5) / (n + 0.5))."""
    n = counts.get(term, 0)
    return log(1 + (max(total, n) - n + 0.5) / (n + 0.5))
