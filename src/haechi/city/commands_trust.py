"""`haechi trust`: what the platform itself can prove about a service, run again now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table


@click.command()
@click.argument("service", type=int)
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.option("--sbom", "sbom", type=click.Path(dir_okay=False, path_type=Path), help="부품표(CycloneDX)를 이 파일로")
@click.pass_context
def trust(context: click.Context, service: int, as_json: bool, sbom: Path | None) -> None:
    """서비스의 신뢰성 증거를 다시 모음 · Evidence on the 15 requirements; exit code 1 when any of it fails."""
    from haechi.engines.rules.catalogue import catalogue_in_force
    from haechi.office.trust import rows

    gathered = _platform(context).gather(service, anew=True)
    if sbom is not None:
        sbom.write_bytes(gathered.files["sbom.cdx.json"])
    found = rows(catalogue_in_force(), gathered.proofs)
    failing = [proof.probe for proof in gathered.proofs if proof.verdict == "fail"]
    if as_json:
        told = {
            "service": service, "passed": not failing, "failing": failing,
            "proofs": [proof.as_dict() for proof in gathered.proofs],
            "requirements": [
                {"number": row.number, "ko": row.requirement.title[0], "probes": {p.probe: p.verdict for p in row.proofs},
                 "person": row.for_people}
                for row in found
            ],
        }  # fmt: skip
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(gathered.proofs, found)
    if failing:
        raise click.exceptions.Exit(1)


def _platform(context: click.Context) -> Any:
    """Of the running installation; without its database what needs records is not measurable, and says so."""
    from haechi.city.database import from_environment
    from haechi.city.sample_engines import SampleBench
    from haechi.city.trials import JsonLinesScorecards
    from haechi.city.trust import Platform

    settings = context.meta["settings"]()
    scorecards, bench = JsonLinesScorecards(settings.home / "scorecards.jsonl"), SampleBench(settings.cache)
    # A home that never ran gets no database made for it by a mere question.
    runs = from_environment() is not None or settings.database_folder.exists()
    store = context.obj.worker_store if runs else None
    return Platform(scorecards, bench, store, settings.home)


def _show(proofs: Any, found: Any) -> None:
    from haechi.office.trust import VERDICTS

    console = Console()
    table = Table("증거", "판정", "값", "까닭·다음")
    for proof in proofs:
        after = " ".join(part for part in (proof.why, proof.next_step) if part)
        table.add_row(proof.title[0], VERDICTS[proof.verdict][0], proof.value, after)
    console.print(table)
    for row in found:
        told = ", ".join(f"{proof.title[0]} {VERDICTS[proof.verdict][0]}" for proof in row.proofs) or "사람이 판단"
        console.print(f"{row.number:2}. {row.requirement.title[0]}: {told}")


COMMANDS: list[click.Command] = [trust]
