"""`haechi evaluate routing`: how well utterances find their bot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from haechi.city.commands_knowledge import evaluate
from haechi.city.settings import default_home


@evaluate.command("routing")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--lexical", is_flag=True, help="임베딩 없이 글자만으로")
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.pass_context
def evaluate_routing(context: click.Context, path: Path, lexical: bool, as_json: bool) -> None:
    """발화가 맞는 챗봇에 닿는지 잽니다 · Routing over utterances: text, bot, audience, also."""
    from haechi.city.routing import open_dialogue
    from haechi.engines.dialogue.routing.evaluation import read_labelled, report, run
    from haechi.engines.knowledge import embedder_for

    settings = context.meta.get("settings")
    cache = settings().cache if settings else default_home() / "cache"
    engine = open_dialogue(None if lexical else embedder_for(cache))
    labelled = read_labelled(path)
    engine.router.read("시작")  # the first use loads what the others share
    found = report(run(engine.router, engine.cards, labelled), engine.cards)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    low, high = found["top1_interval"]
    click.echo(f"첫 번째가 맞은 비율 {found['top1']:.3f} (95% {low:.3f}–{high:.3f}, {found['n']}개)")
    click.echo(f"응급 놓치지 않음 {found['emergency_recall']} · 맡지 않는 말 F1 {found['out_of_scope_f1']}")
    click.echo(f"시민에게 샌 직원 챗봇 {found['staff_leaks']} · 되물음 {found['asked']} · p95 {found['p95_ms']} ms")
    if found["lexical_only"]:
        click.echo("임베딩 없이 글자만으로 찾았습니다. 정확도가 낮을 수 있습니다.")
    for bot, row in found["by_bot"].items():
        click.echo(f"  {bot:20} n {row['n']:4} 재현율 {row['recall']} 정밀도 {row['precision']}")


COMMANDS: list[click.Command] = []
