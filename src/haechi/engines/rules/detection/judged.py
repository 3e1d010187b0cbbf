"""A whole log judged at once: text in, findings and the tally of lines out. For services; a city's stored log goes by `Detector`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.engines.rules.detection.alerts import Alert
from haechi.engines.rules.detection.detector import Detector
from haechi.engines.rules.detection.ingest import Intake, read_csv, read_json_lines, read_syslog
from haechi.engines.rules.detection.keyed import Keyed
from haechi.engines.rules.detection.rules import Rule
from haechi.engines.rules.detection.staff import CaseRegister, Handler, Staff, WatchList

READERS = {"csv": read_csv, "jsonl": read_json_lines, "syslog": read_syslog}


@dataclass(frozen=True)
class Detection:
    """The rules as an engine."""

    rules: Sequence[Rule]

    def judge(
        self, text: str, format: str, *, key: bytes, staff: Iterable[Mapping[str, Any]] = (),
        cases: Iterable[tuple[str, str]] | None = None, public: Iterable[str] = (),
        own: Mapping[str, Iterable[str]] | None = None,
    ) -> tuple[list[Alert], dict[str, Any]]:  # fmt: skip
        """Findings in the order of their days, and {"taken", "refused", "by_reason", "examples"}. InvalidInput for an unknown
        format or a header without the five fields."""
        if format not in READERS:
            raise InvalidInput(
                "모르는 형식입니다.", next_step=f"{', '.join(READERS)} 가운데 고르세요.", record="format"
            )
        keyed = Keyed(key)
        intake = Intake(keyed)
        people = [Handler.from_row(row) for row in staff]
        detector = Detector(
            self.rules, intake, Staff({one.account: one for one in people}),
            cases=None if cases is None else CaseRegister(keyed, cases), watch=WatchList(keyed, public, own),
        )  # fmt: skip
        alerts: list[Alert] = []
        for rows in READERS[format](io.StringIO(text, newline=""), intake):
            alerts += detector.feed(rows)
        return [*alerts, *detector.finish()], intake.report()
