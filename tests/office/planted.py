"""A service planted in the register, sound or not, and a platform that knows only it: for the tests of ethics and trust."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from haechi.city.register import Register, load_register
from haechi.city.trials import JsonLinesScorecards
from haechi.city.trust import PROBES, Platform
from haechi.core import audit, clock
from haechi.core.contract import Scorecard, no_engines
from haechi.core.manifest import Manifest, Words
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases, Hooks, Policy
from haechi.office.trust import hooks

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
PROBED = ("human_step", "notice", "label_coverage", "evidence_coverage", "register_entry", "audit_chain", "model_hashes",
          "data_statement", "retention_runs", "trial_figures", "scores_by_group", "drift", "override_rate",
          "complaint_rate", "sbom", "licences", "ethics_on_record", "impact_on_record")  # fmt: skip
"""All but those that run a service or the attack pack; these have a test of their own."""


class NoBench:
    """A bench on a machine without engines."""

    def engine(self, name: str, *, documents: Path | None = None) -> Any:
        del documents
        return no_engines(name)

    def demonstration(self) -> None:
        return None


def planted(good: bool) -> Manifest:
    """A service of the city's, with what a good owner, or a bad one, would have written."""
    real = load_register().get(39)
    flow = "objection" if good else "미상"
    return replace(real, number=77, slug="s77_planted", name=Words("심은 서비스", "Planted"), flow=flow)


def card(figure: str, value: float, n: int = 200) -> Scorecard:
    return Scorecard(77, figure, value, "비율", "higher", 0.8, n, (0.0, 1.0), "held-out", 1, "2 cores", False)


def outcomes(store: Store, *, label: bool, confidence: float = 0.9, days: tuple[int, ...] = (5, 40)) -> None:
    """120 outcomes a day."""
    told = {"confidence": confidence, "needs_person": False, "made_by_ai": label, "model": "m", "evidence": [{"ref": "a"}],
            "result": {"answered": True}}  # fmt: skip
    with store.transaction() as tx:
        tx.run(
            """insert into outcomes (id, service, at, subject, outcome)
            values (:id, 77, :at, 'user:x', cast(:outcome as jsonb))""",
            [
                {"id": clock.new_id(), "at": clock.now() - timedelta(days=day), "outcome": json.dumps(told)}
                for day in days
                for _ in range(120)
            ],
        )


def verdicts(platform: Platform) -> dict[str, str]:
    return {proof.probe: proof.verdict for proof in platform.gather(77).proofs}


def planted_platform(worker_store: Store, tmp_path: Path) -> Platform:
    """The planted service with 120 fine outcomes in each of two months, figures by group, and a day's chores."""
    platform = Platform(
        JsonLinesScorecards(tmp_path / "scorecards.jsonl"), NoBench(), worker_store, tmp_path, Register((planted(True),)),
        Policy.in_force(), probes={name: PROBES[name] for name in PROBED},
    )  # fmt: skip
    outcomes(worker_store, label=True)
    platform.scorecards.add([card("recall", 0.91), card("recall@65세 이상", 0.88), card("recall@65세 미만", 0.93)])
    with worker_store.transaction() as tx:
        row = json.dumps(json.loads(json.dumps(planted(True).as_dict(), default=str)))
        tx.run(
            "insert into register (number, slug, manifest) values (77, 's77_planted', cast(:m as jsonb))", {"m": row}
        )
        audit.publish_head(tx, tmp_path / "published")
    return platform


def save(cases: Cases, who: Actor, case_id: str, form: str, told: dict[str, Any]) -> None:
    cases.filings.save(who, case_id, form, told, base=cases.filings.get(who, case_id, form)["version"])


def desk(platform: Platform, store: Store) -> Cases:
    register = Hooks()
    hooks(register, platform.policy or Policy.in_force(), platform, store)
    return Cases(store, platform.policy, register)
