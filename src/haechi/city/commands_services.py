"""Commands on services: `haechi portfolio`, `check`, `trial`, `new-service`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from haechi.city.settings import default_home
from haechi.core.errors import InvalidInput
from haechi.core.manifest import ENGINES, FIELDS

MARKS = {True: "맞음", False: "다름", None: "알 수 없음"}


def _store(context: click.Context) -> Any:
    from haechi.city.trials import JsonLinesScorecards

    settings = context.meta.get("settings")
    home: Path = settings().home if settings else default_home()
    return JsonLinesScorecards(home / "scorecards.jsonl")


def _bench(context: click.Context) -> Any:
    from haechi.city.sample_engines import SampleBench

    settings = context.meta.get("settings")
    return SampleBench(settings().cache) if settings else SampleBench.default()


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, ensure_ascii=False))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
def portfolio(as_json: bool) -> None:
    """등록된 서비스와 전체 숫자 · The services and how the totals reconcile."""
    from haechi.city import register

    data = register.portfolio(register.load_register(), register.load_plan())
    if as_json:
        _print_json(data)
        return
    console = Console()
    table = Table("번호", "서비스", "분야", "담당", "기술", "단계")
    for row in data["services"]:
        table.add_row(
            str(row["number"]), row["ko"], FIELDS[row["field"]][0], row["bureau"], row["technology"], row["stage"]
        )
    console.print(table)
    totals = Table("계획과 등록부", "계획", "등록부", "일치")
    for row in data["reconciliation"]:
        counted = f"{row['register']:,}" if isinstance(row["register"], int) else row["register"]
        totals.add_row(row["what"], f"{row['plan']:,}", counted, MARKS[row["agrees"]])
    console.print(totals)
    console.print(
        f"서비스 {data['total']}개 · 움직이는 것 {data['built']}개 · 읽을 수 있는 실국 {data['legible_bureaux']}곳"
    )
    for error in data["broken"]:
        console.print(f"[red]{error['message']}[/red] {error['next_step']}")


@click.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.pass_context
def check(context: click.Context, numbers: tuple[int, ...], as_json: bool) -> None:
    """품질 등급을 다시 계산 · Recompute tiers; exit code 1 when anything claimed does not hold."""
    from haechi.city.check import check_all

    report = check_all(bench=_bench(context), store=_store(context), numbers=numbers)
    if not numbers:
        _publish_check(context, report)
    if as_json:
        _print_json(report)
    else:
        _show_check(report)
    if not report["ok"]:
        raise click.exceptions.Exit(1)


def _publish_check(context: click.Context, report: dict[str, Any]) -> None:
    """Where the service pages read tier and readiness from; a check of all services replaces it whole."""
    home = context.meta["settings"]().home
    home.mkdir(parents=True, exist_ok=True)
    partial = home / "check.json.partial"
    partial.write_text(json.dumps(report, ensure_ascii=False, default=str), encoding="utf-8")
    partial.rename(home / "check.json")


def _show_check(report: dict[str, Any]) -> None:
    console = Console()
    table = Table("번호", "서비스", "단계", "등급", "준비", "지켜지지 않는 규칙")
    for row in report["services"]:
        failing = [rule for rule in row["rules"] if rule["status"] == "done" and not rule["holds"]]
        problems = "\n".join(f"{rule['id']}: {rule['problem']}" for rule in failing) or row["problem"]
        table.add_row(str(row["number"]), row["name"], row["stage"], row["tier_ko"], row["readiness_ko"], problems)
    console.print(table)
    for error in report["broken_manifests"]:
        console.print(f"[red]{error['message']}[/red] {error['next_step']}")
    for line in report["totals_that_disagree"]:
        console.print(f"[red]{line['what']}: 계획 {line['plan']}, 등록부 {line['register']}[/red]")


@click.command()
@click.argument("number", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="모든 서비스")
@click.option("--seed", type=int, default=0, show_default=True, help="우연의 씨앗")
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
@click.pass_context
def trial(context: click.Context, number: int | None, every: bool, seed: int, as_json: bool) -> None:
    """참값과 견주어 시험 · Try a service against a truth that it did not make."""
    from haechi.city.trials import run_all, run_trial

    if every == (number is not None):
        raise InvalidInput(
            "번호나 --all 가운데 하나를 주세요.", next_step="예: haechi trial 39 또는 haechi trial --all"
        )
    store = _store(context)
    if number is not None:
        reports = [run_trial(number, seed=seed, bench=_bench(context), store=store)]
    else:
        reports = run_all(seed=seed, bench=_bench(context), store=store)
    data = {"seed": seed, "trials": [report.as_dict() for report in reports]}
    if as_json:
        _print_json(data)
    else:
        _show_trials(data)
    if any(report.passed is False for report in reports):
        raise click.exceptions.Exit(1)


def _show_trials(data: dict[str, Any]) -> None:
    console = Console()
    table = Table("번호", "서비스", "지표", "값", "95% 구간", "목표", "n", "자료", "판정")
    for item in data["trials"]:
        head = (str(item["service"]), item["name"])
        for card in item["scorecards"]:
            low, high = card["interval"]
            kind = "합성" if card["synthetic"] else "실제"
            verdict = {True: "이룸", False: "못 미침", None: "목표 없음"}[card["passed"]]
            target = "미상" if card["target"] is None else f"{card['target']:g}"
            figures = (f"{card['value']:.3f}", f"{low:.3f}–{high:.3f}", target, str(card["n"]))
            table.add_row(*head, card["figure"], *figures, f"{card['dataset']} ({kind})", verdict)
        for gap in item["not_measured"]:
            table.add_row(*head, gap["figure"], "재지 못함", "", "", "", "", f"{gap['why']} {gap['next_step']}")
        if item["why"]:
            table.add_row(*head, "", item["why"], "", "", "", "", item["next_step"])
    console.print(table)


@click.command("new-service")
@click.argument("number", type=int)
@click.argument("name")
@click.option("--en", "name_en", default="미상", help="영어 이름 (폴더 이름이 된다)")
@click.option("--field", type=click.Choice(list(FIELDS)), default="work", show_default=True, help="분야")
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), help="쓸 엔진 (여러 번)")
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
def new_service(number: int, name: str, name_en: str, field: str, engines: tuple[str, ...], as_json: bool) -> None:
    """새 서비스의 폴더를 만듦 · Make the folder of a new service."""
    from haechi.city.new_service import new_service as make

    place = make(number, name, name_en=name_en, field=field, engines=engines)
    if as_json:
        _print_json({"number": number, "slug": place.name})
    else:
        click.echo(f"{place.name} 폴더를 만들었습니다. 다음: service.toml의 '미상'을 채우고 haechi check {number}")


COMMANDS: list[click.Command] = [portfolio, check, trial, new_service]
