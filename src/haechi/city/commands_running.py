"""`haechi up`, `haechi status`, `haechi doctor`."""

from __future__ import annotations

import json
import os
import time
import webbrowser
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
import httpx

from haechi.city.settings import Settings
from haechi.city.supervisor import Supervisor
from haechi.core.errors import Unavailable
from haechi.core.store import Store

if TYPE_CHECKING:
    from haechi.city.doctor import Part

SIGNS = {"ready": "정상", "degraded": "제한", "missing": "없음"}
NEEDED = ("파이썬", "데이터베이스")


@click.command()
@click.option("--port", type=int, help="포트 (기본 8300)")
@click.option("--host", help="받을 주소 (기본 127.0.0.1: 이 컴퓨터에서만)")
@click.option("--demo/--no-demo", default=None, help="시연용 가상 도시를 넣을지 (기본: 처음 시작할 때 넣음)")
@click.option("--open/--no-open", "open_browser", default=True, help="브라우저를 엽니다")
@click.pass_context
def up(context: click.Context, port: int | None, host: str | None, demo: bool | None, open_browser: bool) -> None:
    """이 컴퓨터에서 해치를 시작합니다 (멈추기: Ctrl+C)."""
    settings: Settings = context.meta["settings"](port=port, host=host, demo=demo)
    settings.home.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(settings, tell=lambda text: click.echo(text))
    started = time.monotonic()
    _free_port(settings)
    click.echo("데이터베이스를 시작합니다 …")
    urls = supervisor.open_database()
    try:
        from haechi.city.gateway.own_key import ensure_own_key
        from haechi.city.installation import Installation
        from haechi.city.seeding import seed

        installation = Installation(settings, urls, supervisor.database)
        logins = seed(installation)
        ensure_own_key(installation)
        installation.close()
        supervisor.start_children()
        _wait_for_server(settings, supervisor)
        _greet(settings, logins, time.monotonic() - started)
        # Without a screen, Python would start a text browser inside this terminal.
        if open_browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(settings.address)
        supervisor.run()
    finally:
        supervisor.close()


def _free_port(settings: Settings, seconds: float = 8.0) -> None:
    """Return once the port is free: the server of an installation that was killed just now needs some seconds to go."""
    deadline = time.monotonic() + seconds
    while (error := _bind_error(settings)) is not None:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{settings.host}:{settings.port}을(를) 다른 프로그램이 쓰고 있습니다.",
                next_step="이미 켜져 있는지 확인하거나 --port로 다른 포트를 고르세요.",
            ) from error
        time.sleep(0.3)


def _bind_error(settings: Settings) -> OSError | None:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return error
    return None


def _wait_for_server(settings: Settings, supervisor: Supervisor, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            supervisor.keep_up()
            with suppress(httpx.HTTPError):
                if client.get(f"http://{settings.host}:{settings.port}/healthz").status_code == 200:
                    return
            time.sleep(0.2)
    raise Unavailable(
        f"서버가 {seconds:.0f}초 안에 응답하지 않습니다.", next_step="위의 기록을 보거나 haechi doctor를 실행하세요."
    )


def _greet(settings: Settings, logins: list[tuple[str, str, str]], seconds: float) -> None:
    click.echo(f"\n해치가 켜졌습니다 ({seconds:.0f}초). 주소: {settings.address}")
    if logins:
        click.echo("시연용 가상 도시의 계정 (이름 · 비밀번호 · 역할)")
        for login, password, role in logins:
            click.echo(f"  {login:<16} {password:<18} {role}")
    click.echo("상태: ./haechi status · 점검: ./haechi doctor · 멈추기: Ctrl+C\n")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON으로 출력")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """무엇이 준비되었고, 제한되었고, 없는지와 고치는 명령을 알려 줍니다."""
    from haechi.city.doctor import examine_extras, examine_machine

    settings: Settings = context.meta["settings"]()
    parts = [*examine_machine(settings), *examine_extras(), *_database_parts(settings)]
    if as_json:
        click.echo(json.dumps({"parts": [part.as_dict() for part in parts]}, ensure_ascii=False))
    else:
        for part in parts:
            click.echo(f"[{SIGNS[part.state]}] {part.name}" + (f": {part.why}" if part.why else ""))
            if part.mend:
                click.echo(f"       고치기: {part.mend}")
    context.exit(1 if any(part.state == "missing" and part.name in NEEDED for part in parts) else 0)


def _database_parts(settings: Settings) -> list[Part]:
    """How the database stands, without starting it."""
    from haechi.city.database import EmbeddedDatabase, from_environment
    from haechi.city.doctor import Part, examine_database

    try:
        urls = from_environment() or EmbeddedDatabase(settings.database_folder).find()
    except Unavailable as error:
        return [Part("데이터베이스", "degraded", error.message, "./haechi up")]
    store = Store(urls.worker, size=1)
    try:
        return examine_database(store)
    finally:
        store.close()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON으로 출력")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """켜져 있는 해치의 상태를 묻습니다."""
    settings: Settings = context.meta["settings"]()
    try:
        answer: dict[str, Any] = httpx.get(
            f"http://{settings.host}:{settings.port}/api/v1/status", timeout=5, trust_env=False
        ).json()
    except httpx.HTTPError as error:
        raise Unavailable("해치가 켜져 있지 않습니다.", next_step="./haechi up 으로 시작하세요.") from error
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for part in answer["parts"]:
        click.echo(f"[{SIGNS[part['state']]}] {part['name']}" + (f": {part['why']}" if part["why"] else ""))


COMMANDS = [up, status, doctor]
