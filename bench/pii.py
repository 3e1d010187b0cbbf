"""Speed and quality of masking beside Presidio with its Korean recognisers, in one run on the same texts.

Both read bench/blind/pii.jsonl (quality: as in `haechi evaluate pii`) and the same texts again and again (speed: median of
three rounds, megabytes of UTF-8 per second of one process). Presidio is told no language model but spaCy's blank pipeline:
its pattern recognisers (Korean ones included, and those that know no country) are compared, not a model of names.
Half of the cases were opened while the finder was widened, then the rest too: our own figure is no longer a blind one.

python bench/pii.py [--json] [--file CASES]     Presidio (MIT) is no dependency: pip install presidio-analyzer
"""

from __future__ import annotations

import argparse
import inspect
import json
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from haechi.engines.text.personal_data.evaluation import Case, Masked, masked_by_rules, read_cases, report

CASES = Path(__file__).parent / "blind" / "pii.jsonl"
ROUNDS = 3
KINDS = {
    "KR_RRN": "rrn", "KR_FRN": "frn", "KR_BRN": "business_no", "KR_PASSPORT": "passport", "KR_DRIVER_LICENSE": "driver_license",
    "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip", "IBAN_CODE": "account",
    "DATE_TIME": "birthdate",
}  # fmt: skip


def presidio() -> tuple[Callable[[str], list[Masked]], list[str]]:
    """Presidio as a masking, and the recognisers that it runs. Raises ImportError where it is not installed."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "ko", "model_name": "blank"}])
            self.nlp = {"ko": spacy.blank("xx")}

        def load(self) -> None:
            """Nothing to load."""

    registry = RecognizerRegistry(recognizers=[], supported_languages=["ko"])
    names = [name for name in dir(predefined_recognizers) if name.startswith("Kr")]
    names += ["CreditCardRecognizer", "EmailRecognizer", "IpRecognizer", "DateRecognizer"]
    for name in names:
        kind = getattr(predefined_recognizers, name)
        if inspect.isclass(kind) and issubclass(kind, EntityRecognizer):
            registry.add_recognizer(kind(supported_language="ko"))
    phones = predefined_recognizers.PhoneRecognizer(supported_language="ko", supported_regions=("KR",))
    registry.add_recognizer(phones)
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["ko"])

    def masking(text: str) -> list[Masked]:
        found = engine.analyze(text=text, language="ko")
        return [(one.start, one.end, KINDS.get(one.entity_type, "customer_no")) for one in found]

    return masking, [recognizer.name for recognizer in registry.recognizers]


def speed(cases: Sequence[Case], masking: Callable[[str], Sequence[Masked]]) -> float:
    """Megabytes of UTF-8 a second, median of the rounds, after one unmeasured."""
    size = sum(len(case.text.encode()) for case in cases) / 1e6
    rates = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        for case in cases:
            masking(case.text)
        rates.append(size / (time.process_time() - began))
    return round(statistics.median(rates[1:]), 4)


def measured(cases: Sequence[Case], masking: Callable[[str], Sequence[Masked]]) -> dict[str, Any]:
    """Speed and quality of one of the two."""
    found = report(cases, masking)
    return {
        "mb_per_cpu_second": speed(cases, masking),
        **{key: found[key] for key in ("without_names", "name", "by_kind")},
    }


def main() -> None:
    """Prints both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--file", type=Path, default=CASES)
    given = parser.parse_args()
    cases = read_cases(given.file)
    found: dict[str, Any] = {"texts": len(cases), "haechi": measured(cases, masked_by_rules)}
    if find_spec("presidio_analyzer") is None:
        found["presidio"] = "missing: install presidio-analyzer"
    else:
        masking, recognisers = presidio()
        found["presidio"] = {"recognisers": recognisers, **measured(cases, masking)}
        found["times_presidio"] = round(
            found["haechi"]["mb_per_cpu_second"] / found["presidio"]["mb_per_cpu_second"], 2
        )
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name in ("haechi", "presidio"):
        row = found[name]
        print(name, row if isinstance(row, str) else (row["mb_per_cpu_second"], row["without_names"]))


if __name__ == "__main__":
    main()
