"""`haechi access-log`: logs of personal data taken in, judged, verified; what the rules need to know; the monthly report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from haechi.core.errors import InvalidInput

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("access-log")
def access_log() -> None:
    """개인정보 접속 기록: 받기, 살피기, 위변조 확인 · Access logs of personal data."""


def _privacy(context: click.Context) -> Any:
    return context.obj.office.privacy


def _tell(told: dict[str, Any], as_json: bool, sentence: str) -> None:
    click.echo(json.dumps(told, ensure_ascii=False, default=str) if as_json else sentence)


@access_log.command("import")
@click.argument("path", type=FILE)
@click.option("--source", required=True, help="어느 시스템의 기록인지")
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl", "syslog"]), default="csv", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.pass_context
def take(context: click.Context, path: Path, source: str, kind: str, as_json: bool) -> None:
    """기록 파일을 받아 사슬에 잇습니다 · Store a log file in the chain."""
    from haechi.core.store import SYSTEM

    told = _privacy(context).log.take(SYSTEM, source, kind, path.read_bytes())
    _tell(
        told, as_json, f"받은 줄 {told['taken']:,} · 다섯 항목이 없어 거른 줄 {told['refused']:,} {told['by_reason']}"
    )


@access_log.command("judge")
@click.argument("path", type=FILE)
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl", "syslog"]), default="csv", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
def judge(path: Path, kind: str, as_json: bool) -> None:
    """저장하지 않고 규칙으로 한 번 살핍니다 · Judge a file once; nothing is stored, no database is needed."""
    import secrets

    from haechi.core.roles import policy_file
    from haechi.engines.rules.detection import Detection, load_rules

    engine = Detection(load_rules(policy_file("detection")))
    found, lines = engine.judge(path.read_text(encoding="utf-8-sig"), kind, key=secrets.token_bytes(32))
    if as_json:
        click.echo(json.dumps({"lines": lines, "findings": [one.as_dict() for one in found]}, ensure_ascii=False))
        return
    click.echo(f"받은 줄 {lines['taken']:,} · 거른 줄 {lines['refused']:,} {lines['by_reason']}")
    for one in found:
        click.echo(f"{one.last} {one.handler} [{one.rule}] {one.why[0]}")


@access_log.command("facts")
@click.argument("table", type=click.Choice(["staff", "roster", "watch", "cases", "shared_places"]))
@click.argument("path", type=FILE)
@click.pass_context
def facts(context: click.Context, table: str, path: Path) -> None:
    """인사·당직·주시·업무 번호 표를 바꿉니다(CSV) · What the rules need to know."""
    from haechi.city.privacy.facts import take_facts
    from haechi.core.store import SYSTEM

    installation = context.obj
    text = path.read_text(encoding="utf-8-sig")
    count = take_facts(installation.worker_store, installation.settings.home, SYSTEM, table, text)
    click.echo(f"{table}: {count:,}행")


@access_log.command("scan")
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.pass_context
def scan(context: click.Context, as_json: bool) -> None:
    """규칙으로 살펴 의심을 건으로 올립니다 · Judge what is stored."""
    told = _privacy(context).scanning.scan()
    _tell(
        told,
        as_json,
        f"{told['rows']:,}줄 · 새로 표시 {told['found']} · 연 건 {told['opened']} · 기다림 {told['waiting']}",
    )


@access_log.command("verify")
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.pass_context
def verify(context: click.Context, as_json: bool) -> None:
    """기록이 바뀌거나 빠지지 않았는지 봅니다 · Exit code 1 when the chain is broken."""
    told = _privacy(context).log.verify()
    sentence = f"묶음 {told['batches']:,}개의 사슬이 온전합니다." if told["whole"] else f"[!] {told['fault']['why']}"
    _tell(told, as_json, sentence)
    if not told["whole"]:
        raise click.exceptions.Exit(1)


@access_log.command("report")
@click.argument("month")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def report(context: click.Context, month: str, path: Path) -> None:
    """점검 월간 보고를 파일로(확장자 hwpx·docx·pdf·html) · The monthly report."""
    from haechi.core.store import SYSTEM
    from haechi.office.letters import render

    made = render(_privacy(context).monthly(SYSTEM, month, worker=True))
    kind = path.suffix.removeprefix(".")
    if kind not in made:
        raise InvalidInput("모르는 형식입니다.", next_step=f"{', '.join(made)} 가운데 고르세요.", record=path.name)
    path.write_bytes(made[kind])
    click.echo(path.name)


COMMANDS: list[click.Command] = [access_log]
