"""`haechi gateway`: the shared models, who uses them, and how much they may."""

from __future__ import annotations

import json
from typing import Any

import click

from haechi.city.gateway.rules import lane_number
from haechi.city.gateway.tenants import Tenants
from haechi.core.errors import InvalidInput
from haechi.core.store import SYSTEM
from haechi.engines.models.ports import LANES

STATES = {"up": "정상", "down": "멈춤", "unknown": "확인 전"}
NONE = "none"


@click.group()
def gateway() -> None:
    """언어모델 관문: 모델 서버와 이용자."""


@gateway.command("status")
@click.option("--json", "as_json", is_flag=True, help="JSON으로 출력")
@click.pass_obj
def status_of_gateway(obj: Any, as_json: bool) -> None:
    """모델 서버, 진행 중이고 기다리는 요청, 셈이 맞는지 봅니다."""
    with obj.worker_store.transaction(SYSTEM) as tx:
        backends = tx.all(
            """select b.id, b.state, b.why, b.enabled, b.slots, b.open_until > now() as resting,
            array(select a.alias from model_aliases a where a.backend = b.id order by a.alias) as models,
            (select count(*) from model_leases l where l.backend = b.id and l.state = 'running') as running
            from model_backends b order by b.id"""
        )
        waiting = tx.value("select count(*) from model_leases where state = 'waiting'")
        drift = tx.all("select * from model_drift")
    if as_json:
        click.echo(
            json.dumps({"backends": backends, "waiting": waiting, "drift": drift}, ensure_ascii=False, default=str)
        )
        return
    for row in backends:
        state = "꺼짐" if not row["enabled"] else "쉼" if row["resting"] else STATES[row["state"]]
        click.echo(
            f"[{state}] {row['id']}: {', '.join(row['models'])} · 진행 {row['running']}/{row['slots']}"
            + (f" · {row['why']}" if row["why"] else "")
        )
    click.echo(
        f"기다리는 요청 {waiting}건 · " + ("셈이 맞습니다" if not drift else f"셈이 맞지 않는 이용자 {len(drift)}곳")
    )


@gateway.command("tenants")
@click.option("--json", "as_json", is_flag=True, help="JSON으로 출력")
@click.pass_obj
def list_tenants(obj: Any, as_json: bool) -> None:
    """이용자(부서, 서비스, 사업, 사람)마다 이달 쓴 것과 한도를 봅니다."""
    rows = Tenants(obj.worker_store).all(SYSTEM)
    if as_json:
        click.echo(json.dumps({"tenants": rows}, ensure_ascii=False, default=str))
        return
    for row in rows:
        budget = f"{row['month_won']:,.0f}원" if row["month_won"] is not None else "한도 없음"
        tokens = row["tokens_in"] + row["tokens_out"]
        click.echo(
            f"{row['id']:<24} {row['used_won']:>12,.2f}원 / {budget} · 토큰 {tokens:,} · {row['calls']:,}건"
            f" · 가중치 {row['weight']:g} · {LANES[row['lane']][1]}"
        )


@gateway.command("set-budget")
@click.argument("tenant")
@click.option("--won", help="이달 예산(원). none: 한도 없음")
@click.option("--tokens", help="이달 토큰 한도. none: 한도 없음")
@click.option("--per-minute", help="1분에 받을 요청 수. none: 한도 없음")
@click.option("--weight", type=float, help="공정 배분의 가중치 (기본 1)")
@click.option("--lane", help="기본 차선: urgent, citizen, staff, batch")
@click.pass_obj
def set_budget(
    obj: Any,
    tenant: str,
    won: str | None,
    tokens: str | None,
    per_minute: str | None,
    weight: float | None,
    lane: str | None,
) -> None:
    """이용자의 예산, 한도, 가중치를 정합니다. 다음 요청부터 적용되고 감사기록에 남습니다."""
    limits: dict[str, Any] = {}
    for name, text in (("month_won", won), ("month_tokens", tokens), ("per_minute", per_minute)):
        if text is not None:
            limits[name] = _limit(text)
    if weight is not None:
        limits["weight"] = weight
    if lane is not None:
        limits["lane"] = lane_number(lane)
    Tenants(obj.worker_store).change(SYSTEM, tenant, **limits)
    click.echo(f"{tenant}: 바꾸었습니다.")


def _limit(text: str) -> int | None:
    if text == NONE:
        return None
    try:
        return int(text.replace(",", ""))
    except ValueError as error:
        raise InvalidInput(f"'{text}'은(는) 수가 아닙니다.", next_step="0 이상의 정수나 none으로 쓰세요.") from error


COMMANDS: list[click.Command] = [gateway]
