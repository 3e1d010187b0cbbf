"""How much personal data is found, and how often something else is masked.

generated: a family of sentences with numbers made by their rules (dates, check digits), written in many ways; SYNTHETIC: it says
whether the forms are known, not what people write. written: sentences kept in tests/engines/text/personal_data/sentences.jsonl.
names: KLUE-NER dev under $HAECHI_DATA (news and reviews; names stand there mostly without the words that we ask for). negatives:
generated look-alikes with wrong check digits, dates, statutes and amounts, and real public text (welfare corpus, the city's
plan, the demonstration city): masks for each 1,000 sentences. Found means: at least 80 % of the span is masked.

python bench/personal_data.py [--json] [--n 400] [--seed 0] [--show]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from haechi.engines.text.personal_data import find
from haechi.engines.text.personal_data.check_digits import business_digit_fits, luhn_fits, resident_digit_fits

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("HAECHI_DATA", ROOT.parent / "shared" / "data"))
SENTENCES = ROOT / "tests" / "engines" / "text" / "personal_data" / "sentences.jsonl"
HANGUL = dict(zip("0123456789", "공일이삼사오육칠팔구", strict=True))
FULL = str.maketrans("0123456789-", "０１２３４５６７８９－")
Case = tuple[str, str, str]


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    share = hits / n
    middle, spread = share + z * z / (2 * n), z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return round(max(0.0, (middle - spread) / (1 + z * z / n)), 4), round(
        min(1.0, (middle + spread) / (1 + z * z / n)), 4
    )


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def _fitting(make: Callable[[], str], fits: Callable[[str], bool]) -> str:
    while not fits(number := make()):
        pass
    return number


def resident(draw: random.Random, *, valid: bool = True) -> str:
    """A 주민등록번호 of somebody born 1940–2024, with its hyphen; valid: its check digit fits where it has one."""
    year, month, day = draw.randint(1940, 2024), draw.randint(1, 12), draw.randint(1, 28)
    sex = draw.choice("12" if year < 2000 else "34")
    front = f"{year % 100:02}{month:02}{day:02}"
    checked = (year, month) < (2020, 10)
    back = _fitting(
        lambda: sex + _digits(draw, 6), lambda tail: not checked or resident_digit_fits(front + tail) == valid
    )
    return f"{front}-{back}"


def phone(draw: random.Random) -> str:
    """A mobile number."""
    return f"010-{draw.randint(2000, 9999)}-{_digits(draw, 4)}"


def card(draw: random.Random, *, valid: bool = True) -> str:
    """A card number in groups of four."""
    number = _fitting(lambda: draw.choice("4593") + _digits(draw, 15), lambda made: luhn_fits(made) == valid)
    return "-".join(number[at : at + 4] for at in range(0, 16, 4))


def business(draw: random.Random, *, valid: bool = True) -> str:
    """A 사업자등록번호."""
    number = _fitting(
        lambda: str(draw.randint(1, 8)) + _digits(draw, 9), lambda made: business_digit_fits(made) == valid
    )
    return f"{number[:3]}-{number[3:5]}-{number[5:]}"


def account(draw: random.Random) -> str:
    """An account number in one of the shapes that banks use."""
    shape = draw.choice(((3, 3, 6), (4, 3, 6), (6, 2, 6), (3, 6, 5), (3, 4, 4, 2), (4, 2, 7)))
    return "-".join(str(draw.randint(1, 9)) + _digits(draw, count - 1) for count in shape)


def address(draw: random.Random) -> str:
    """A road-name or lot address of an invented place in a real or invented city."""
    city = draw.choice(
        (
            "서울특별시 강남구",
            "서울 마포구",
            "경기도 성남시 분당구",
            "부산 해운대구",
            "가온시 나래구",
            "전북 전주시 완산구",
            "강원 춘천시",
        )
    )
    if draw.random() < 0.6:
        road = draw.choice(
            ("햇살로", "봉은사로", "달빛대로", "월드컵북로", "솔숲길", "한강대로", "새싹로12번길", "양재대로71길")
        )
        place = f"{city} {road} {draw.randint(1, 450)}" + (f"-{draw.randint(1, 40)}" if draw.random() < 0.3 else "")
    else:
        dong = draw.choice(("망원동", "역삼동", "송화동", "가람1동", "정자동"))
        place = f"{city} {dong} {draw.randint(1, 900)}-{draw.randint(1, 60)}" + draw.choice(("", "번지"))
    return place + draw.choice(
        ("", f", {draw.randint(101, 120)}동 {draw.randint(101, 2504)}호", f" {draw.randint(2, 9)}층")
    )


def disguised(draw: random.Random, number: str) -> str:
    """The number as somebody may write it."""
    way = draw.randrange(9)
    if way == 0:
        return number.translate(FULL)
    if way == 1:
        return number.replace("-", " ")
    if way == 2:
        return number.replace("-", draw.choice("–—‑ㅡ"))
    if way == 3:
        return "\u200b".join(number)
    if way == 4:
        return "".join(HANGUL.get(sign, " ") for sign in number)
    if way == 5:
        return number.replace("-", " - ")
    if way == 6:
        return number.replace("-", ".")
    return number


FRAMES = {
    "resident": ("제 주민등록번호는 {}입니다.", "주민번호 {} 로 조회해 주세요", "{} 이 번호로 신청했습니다", "신청인({}) 확인 바랍니다."),
    "phone": ("연락은 {}로 주세요.", "제 번호 {} 입니다", "{} 문자 주세요", "휴대폰({})이 바뀌었습니다."),
    "card": ("카드 {}로 결제했어요.", "카드번호는 {} 입니다", "{} 카드로 낸 것을 취소해 주세요"),
    "business": ("사업자등록번호는 {}입니다.", "사업자번호 {} 로 신청", "저희 가게 사업자 {} 확인해 주세요"),
    "account": ("환급은 국민은행 {}로 보내 주세요.", "계좌번호 {} 입니다", "농협 {} 예금주는 저예요", "입금 계좌: {}"),
    "address": ("저는 {}에 살아요.", "주소: {}", "신청인은 {} 거주", "저희 집은 {}입니다.", "택배를 {}로 보내 주세요."),
}  # fmt: skip
MAKERS: dict[str, Callable[[random.Random], str]] = {
    "resident": resident, "phone": phone, "card": card, "business": business, "account": account, "address": address,
}  # fmt: skip


def generated(draw: random.Random, n: int) -> Iterator[Case]:
    """(kind, sentence, value), n of each kind."""
    for kind, make in MAKERS.items():
        for _ in range(n):
            value = make(draw) if kind == "address" else disguised(draw, make(draw))
            yield kind, draw.choice(FRAMES[kind]).format(value), value


def lookalikes(draw: random.Random, n: int) -> Iterator[str]:
    """Sentences of public affairs with numbers that are nobody's."""
    frames: tuple[Callable[[], str], ...] = (
        lambda: f"「한빛구 조례」 제{draw.randint(1, 90)}조제{draw.randint(1, 9)}항에 따라 {draw.randint(2020, 2026)}년 {draw.randint(1, 12)}월 {draw.randint(1, 28)}일부터 시행한다.",
        lambda: f"총사업비는 {draw.randint(1, 99)},{_digits(draw, 3)},{_digits(draw, 3)}원이고 국비는 {draw.randint(1, 90)}억 {draw.randint(1000, 9999)}만 원이다.",
        lambda: f"문서번호 도로관리과-{draw.randint(1000, 99999)} ({draw.randint(2020, 2026)}. {draw.randint(1, 12)}. {draw.randint(1, 28)}.)",
        lambda: f"접수번호 {draw.randint(2020, 2026)}-{_digits(draw, 4)}-{_digits(draw, 6)}을 확인하십시오.",
        lambda: f"문의: 주차관리과 02-{draw.randint(200, 9999)}-{_digits(draw, 4)}",
        lambda: f"다산콜센터 120 또는 대표번호 1588-{_digits(draw, 4)}로 전화하십시오.",
        lambda: f"물품 고유번호 {card(draw, valid=False)} 를 점검했다.",
        lambda: f"공고 제{draw.randint(2020, 2026)}-{draw.randint(1, 3000)}호 및 관리번호 {business(draw, valid=False)}",
        lambda: f"예산 {draw.randint(10, 90)}조 {draw.randint(1000, 9999)}억 원 가운데 {draw.randint(10, 90)}부 {draw.randint(1000, 9000)}장을 인쇄했다.",
        lambda: f"햇살로 {draw.randint(1, 300)} 일대 도로 {draw.randint(100, 999)}m 구간을 {draw.randint(1, 12)}월까지 공사한다.",
        lambda: draw.choice(("김치찌개와 수정안은 서울시청 조정실에서 정한다.", "신청인은 성명과 주소를 적고 대상자 선정을 기다린다.", "고객님과 담당자님께 안내합니다.", "이사장님과 조합원이 모두 모였다.", "보호자 동의서와 신청인 신분증을 지참한다.", "이용자 유의 사항과 지원 대상 현황을 표시한다.", "배우자 소득과 자녀 연령을 확인한다.")),
        lambda: f"{draw.randint(10, 99)}-{draw.randint(100, 999)}번 버스가 {draw.randint(10, 23)}:{draw.randint(10, 59)}에 온다.",
        lambda: f"위도 37.{_digits(draw, 6)}, 경도 126.{_digits(draw, 6)} 지점의 기온은 {draw.randint(1, 35)}.{_digits(draw, 1)}도이다.",
    )  # fmt: skip
    for at in range(n):
        yield frames[at % len(frames)]()


def covered(sentence: str, value: str) -> bool:
    """Whether at least 80 % of the value is masked."""
    start = sentence.index(value)
    places = set(range(start, start + len(value)))
    hit = {place for found in find(sentence) for place in range(found.start, found.end)}
    return len(places & hit) >= 0.8 * len(places)


def public_sentences() -> Iterator[tuple[str, str]]:
    """(source, sentence) of real public text that is at hand."""
    sources = {
        "demonstration city": sorted((ROOT / "src" / "haechi" / "city" / "demo" / "texts").rglob("*.md")),
        "city plan": sorted((DATA / "city-plan").glob("*.txt")),
    }
    for source, paths in sources.items():
        for path in paths:
            for sentence in re.split(r"(?<=[.!?])\s+|\n+", path.read_text("utf-8")):
                yield source, sentence
    corpus = DATA / "welfare-retrieval" / "train_corpus.json"
    if corpus.exists():
        for text in json.loads(corpus.read_text("utf-8")).values():
            for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
                yield "welfare corpus", sentence


def klue(path: Path) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """(sentence, spans of persons) of a KLUE-NER file."""
    for block in path.read_text("utf-8").split("\n\n"):
        pairs = [line.split("\t") for line in block.split("\n") if "\t" in line and not line.startswith("##")]
        text = "".join(sign for sign, _ in pairs)
        spans = [
            match.span()
            for match in re.finditer("BI*", "".join(tag[0] if tag.endswith("PS") else "O" for _, tag in pairs))
        ]
        if text:
            yield text, spans


def names_on_klue(path: Path) -> dict[str, Any]:
    """Recall over all persons, and what share of what is masked as a name is (part of) a person."""
    persons = hit = masked = right = 0
    for text, spans in klue(path):
        found = [(f.start, f.end) for f in find(text) if f.kind == "name"]
        persons += len(spans)
        hit += sum(any(a < end and start < b for a, b in found) for start, end in spans)
        masked += len(found)
        right += sum(any(a < end and start < b for start, end in spans) for a, b in found)
    return {
        "persons": persons, "recall": round(hit / max(1, persons), 4), "masked": masked,
        "precision": round(right / max(1, masked), 4), "interval": wilson(right, masked),
    }  # fmt: skip


def run(n: int, seed: int, *, show: bool = False) -> dict[str, Any]:
    """All figures."""
    draw = random.Random(seed)
    result: dict[str, Any] = {"seed": seed, "recall_synthetic": {}, "recall_written": {}}
    cases = {"recall_synthetic": list(generated(draw, n))}
    written = [json.loads(line) for line in SENTENCES.read_text("utf-8").splitlines()]
    cases["recall_written"] = [(case["kind"], case["text"], case["value"]) for case in written if case["kind"]]
    for name, given in cases.items():
        total, hits = Counter(kind for kind, _, _ in given), Counter[str]()
        for kind, sentence, value in given:
            if covered(sentence, value):
                hits[kind] += 1
            elif show:
                print(name, kind, sentence)
        for kind, count in total.items():
            result[name][kind] = {
                "n": count,
                "recall": round(hits[kind] / count, 4),
                "interval": wilson(hits[kind], count),
            }
    negatives = [*lookalikes(draw, 5 * n), *(case["text"] for case in written if not case["kind"])]
    false = [(sentence, found) for sentence in negatives for found in find(sentence)]
    clean = len(negatives) - len({sentence for sentence, _ in false})
    result["lookalikes_synthetic"] = {
        "n": len(negatives),
        "untouched": round(clean / len(negatives), 4),
        "interval": wilson(clean, len(negatives)),
        "masks": len(false),
    }
    public: dict[str, Counter[str]] = {}
    sentences = Counter[str]()
    for source, sentence in public_sentences():
        if sentence.strip():
            sentences[source] += 1
            public.setdefault(source, Counter()).update(found.kind for found in find(sentence))
    result["public_text"] = {
        source: {
            "sentences": sentences[source],
            "masks_per_1000": round(1000 * sum(kinds.values()) / sentences[source], 1),
            "kinds": dict(kinds),
        }
        for source, kinds in public.items()
    }
    if show:
        for sentence, found in false[:40]:
            print("false", found.kind, found.text, "|", sentence)
    path = DATA / "klue" / "ner_dev.tsv"
    result["names_klue"] = names_on_klue(path) if path.exists() else "missing: HAECHI_DATA/klue/ner_dev.tsv"
    text = "\n".join(sentence for _, sentence, _ in cases["recall_synthetic"]) + "\n" + "\n".join(negatives) * 3
    start = time.process_time()
    find(text)
    result["mb_per_cpu_second"] = round(len(text.encode()) / 1e6 / (time.process_time() - start), 2)
    return result


def main() -> None:
    """Prints the figures; the last line is JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    result = run(given.n, given.seed, show=given.show)
    for key, value in result.items():
        print(key, json.dumps(value, ensure_ascii=False))
    if given.json:
        print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
