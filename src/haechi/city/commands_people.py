"""`haechi user`, `haechi key`, `haechi audit`, `haechi backup`, `haechi restore`."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.identity import ROLES, SCOPES, KeyInfo, User
from haechi.core.store import SYSTEM

STATES = {"active": "유효", "expired": "만료", "revoked": "폐지"}


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> None:
    if not rows:
        click.echo(none)
        return
    table = Table(*headings)
    for row in rows:
        table.add_row(*row)
    Console(soft_wrap=False).print(table)


# --- people ----------------------------------------------------------------------------------------------------------


@click.group()
def user() -> None:
    """사람의 계정: 만들기, 보기, 닫기, 비밀번호 초기화."""


@user.command("add")
@click.argument("login")
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(list(ROLES)), help="역할 (여러 번 쓸 수 있음)")
@click.option("--bureau", help="부서 이름")
@click.option("--email", default="")
@click.option(
    "--password-stdin", is_flag=True, help="비밀번호를 표준 입력에서 읽습니다 (없으면 임시 비밀번호를 만듭니다)"
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add_user(
    obj: Any,
    login: str,
    name: str,
    roles: tuple[str, ...],
    bureau: str | None,
    email: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """계정을 만듭니다: haechi user add kim 김복지 --role staff --bureau 복지과."""
    password = _password(password_stdin)
    made: User = obj.accounts.create(
        login,
        name,
        password=password,
        roles=roles or ("citizen",),
        bureau=bureau,
        email=email,
        must_change_password=not password_stdin,
    )
    _tell_password(made, password, password_stdin, as_json)


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_users(obj: Any, as_json: bool) -> None:
    """모든 계정을 봅니다."""
    people: list[User] = obj.accounts.users()
    if as_json:
        _print_json([asdict(person) for person in people])
        return
    rows = [
        (p.login, p.name, ", ".join(ROLES[r][0] for r in p.roles), p.bureau or "", "사용" if p.active else "닫힘")
        for p in people
    ]
    _print_table(
        ("아이디", "이름", "역할", "부서", "상태"), rows, "계정이 없습니다. 만들기: haechi user add 아이디 이름"
    )


@user.command("disable")
@click.argument("login")
@click.pass_obj
def disable_user(obj: Any, login: str) -> None:
    """계정을 닫고 로그인을 모두 끊습니다."""
    found = _find(obj, login)
    obj.accounts.change(found.id, active=False)
    click.echo(f"'{found.login}' 계정을 닫았습니다. 열려 있던 로그인도 끊었습니다.")


@user.command("password")
@click.argument("login")
@click.option(
    "--password-stdin", is_flag=True, help="비밀번호를 표준 입력에서 읽습니다 (없으면 임시 비밀번호를 만듭니다)"
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def reset_password(obj: Any, login: str, password_stdin: bool, as_json: bool) -> None:
    """비밀번호를 초기화합니다. 다음 로그인에서 본인이 새로 정합니다."""
    found = _find(obj, login)
    password = _password(password_stdin)
    obj.accounts.reset_password(found.id, password)
    _tell_password(found, password, password_stdin, as_json)


def _find(obj: Any, login: str) -> User:
    found: User | None = obj.accounts.find(login)
    if found is None:
        raise NotFound(f"'{login}' 계정이 없습니다.", next_step="haechi user list로 아이디를 확인하세요.", record=login)
    return found


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return "-".join(secrets.token_hex(3) for _ in range(3))


def _tell_password(found: User, password: str, chosen: bool, as_json: bool) -> None:
    shown = {} if chosen else {"temporary_password": password}
    if as_json:
        _print_json({**asdict(found), **shown})
        return
    click.echo(f"'{found.login}' ({found.name}) 계정이 준비되었습니다.")
    if not chosen:
        click.echo(f"임시 비밀번호: {password}  (다시 보여 드리지 않습니다. 첫 로그인에서 바꿉니다.)")


# --- keys ------------------------------------------------------------------------------------------------------------


@click.group()
def key() -> None:
    """프로그램이 쓰는 API 키: 만들기, 보기, 폐지."""


@key.command("create")
@click.argument("holder")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(list(SCOPES)), help="할 수 있는 일")
@click.option("--tag", "tags", multiple=True, help="읽을 수 있는 범위 (staff, bureau:복지과 …). 기본: 공개 문서만")
@click.option("--days", type=click.IntRange(1, 731), default=365, show_default=True, help="며칠 동안 유효한지")
@click.option("--note", default="", help="어디에 쓰는지")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def create_key(
    obj: Any, holder: str, scopes: tuple[str, ...], tags: tuple[str, ...], days: int, note: str, as_json: bool
) -> None:
    """키를 만듭니다. 주인은 service:39, bureau:복지과, user:<번호> 가운데 하나입니다."""
    expires_at = clock.now() + timedelta(days=days)
    info, secret = obj.keys.create(holder, tags, scopes, note, expires_at, SYSTEM)
    if as_json:
        _print_json({**_key(info), "key": secret})
        return
    click.echo(f"키: {secret}")
    click.echo(f"다시 보여 드리지 않습니다. 만료: {info.expires_at:%Y-%m-%d} · 폐지: haechi key revoke {info.prefix}")


@key.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_keys(obj: Any, as_json: bool) -> None:
    """모든 키를 봅니다. 키 자체는 보이지 않습니다."""
    infos: list[KeyInfo] = obj.keys.all()
    if as_json:
        _print_json([_key(info) for info in infos])
        return
    rows = [
        (
            info.prefix,
            info.holder,
            ", ".join(SCOPES[scope][0] for scope in info.scopes if scope in SCOPES),
            STATES[info.state],
            f"{info.expires_at:%Y-%m-%d}",
            f"{info.last_used_at:%Y-%m-%d %H:%M}" if info.last_used_at else "쓰인 적 없음",
            info.note,
        )
        for info in infos
    ]
    _print_table(("앞자리", "주인", "범위", "상태", "만료", "마지막 사용", "메모"), rows, "키가 없습니다.")


@key.command("revoke")
@click.argument("prefix")
@click.pass_obj
def revoke_key(obj: Any, prefix: str) -> None:
    """키를 바로 폐지합니다 (앞자리 여덟 글자)."""
    obj.keys.revoke(prefix, by=SYSTEM)
    click.echo(f"키 {prefix}을(를) 폐지했습니다.")


def _key(info: KeyInfo) -> dict[str, Any]:
    return {**asdict(info), "tags": sorted(info.tags), "state": info.state}


# --- the audit log ---------------------------------------------------------------------------------------------------


@click.group("audit")
def audit_log() -> None:
    """감사기록: 사슬 확인, 오늘의 머리 공표."""


@audit_log.command("verify")
@click.option(
    "--heads",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="따로 보관한 audit-head-*.txt 파일의 폴더 (기본: 이 설치의 published 폴더)",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def verify_log(obj: Any, heads: Path | None, as_json: bool) -> None:
    """기록이 적힌 뒤 바뀌지 않았는지 처음부터 끝까지 확인합니다."""
    folder = heads or obj.settings.home / "published"
    with obj.store.transaction(SYSTEM) as tx:
        found = audit.verify(tx, folder if folder.is_dir() else None)
    if as_json:
        _print_json(asdict(found))
    elif found.ok:
        click.echo(f"온전합니다: 기록 {found.entries:,}건, 머리 {found.head}")
    else:
        click.echo(f"온전하지 않습니다: {found.why} ({found.entries:,}건까지는 온전)", err=True)
        click.echo("다음: 기록을 고치지 말고 감사 담당자에게 알린 뒤, 마지막 온전한 백업과 비교하세요.", err=True)
    if not found.ok:
        raise click.exceptions.Exit(1)


@audit_log.command("head")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def publish_head(obj: Any, as_json: bool) -> None:
    """오늘의 머리 값을 공표합니다 (하루 한 번; 이미 했으면 그 값을 보여 줍니다)."""
    folder = obj.settings.home / "published"
    with obj.worker_store.transaction(SYSTEM) as tx:
        head = audit.publish_head(tx, folder)
    if as_json:
        _print_json(asdict(head))
        return
    click.echo(f"{head.day} · {head.seq:,}번 · {head.hash}")
    click.echo(f"파일: {folder / f'audit-head-{head.day.isoformat()}.txt'}")


# --- the city's directory --------------------------------------------------------------------------------------------


@user.command("directory")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def user_directory(obj: Any, login: str, as_json: bool) -> None:
    """디렉터리(LDAP)의 한 사람이 어떤 역할과 부서로 들어오는지 봅니다."""
    if obj.directory is None:
        raise InvalidInput(
            "디렉터리가 설정되지 않았습니다.",
            next_step="HAECHI_LDAP_URL 등을 정하세요(docs/operating.md).",
            record="ldap_url",
        )
    entry, roles, bureau = obj.directory.look_up(login)
    if entry is None:
        raise NotFound(
            f"디렉터리에서 '{login}'을(를) 찾지 못했습니다.",
            next_step="HAECHI_LDAP_BASE와 HAECHI_LDAP_FILTER를 확인하세요.",
            record=login,
        )
    if as_json:
        _print_json({**asdict(entry), "roles": roles, "registered_bureau": bureau})
        return
    names = ", ".join(ROLES[role][0] for role in roles)
    click.echo(f"{entry.name} · 역할 {names} · 부서 {bureau or '없음'}")
    click.echo(f"디렉터리의 값: 부서 {', '.join(entry.bureau) or '없음'} · 묶음 {', '.join(entry.groups) or '없음'}")
    if bureau is None:
        click.echo("다음: openid.yaml의 bureaux에 디렉터리의 부서 값을 적거나, 부서를 등록하세요.")


# --- backup ----------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def backup(obj: Any, file: Path, as_json: bool) -> None:
    """설치 전체를 파일 하나로 백업합니다. 서비스는 멈추지 않습니다."""
    from haechi.city.backup import back_up

    made = back_up(obj.urls.owner, file, home=obj.settings.home)
    told = {"file": str(file), "bytes": file.stat().st_size, "tables": len(made.tables), "rows": made.rows}
    if as_json:
        _print_json(
            {**told, "audit_entries": made.audit_entries, "audit_head": made.audit_head, "made_at": made.made_at}
        )
        return
    click.echo(f"백업했습니다: {file} ({file.stat().st_size / 1e6:,.1f} MB, 표 {len(made.tables)}개, {made.rows:,}행)")
    click.echo(f"감사기록 머리: {made.audit_head}")
    click.echo("개인정보와 비공개 문서가 들어 있습니다. 잠긴 곳에 보관하세요.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="되돌려 놓을 빈 설치의 폴더")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def restore(context: click.Context, file: Path, into: Path | None, as_json: bool) -> None:
    """백업을 빈 설치에 되돌려 놓습니다. 자료가 있는 설치에는 넣지 않습니다."""
    from haechi.city.backup import check
    from haechi.city.backup import restore as bring_back
    from haechi.city.database import EmbeddedDatabase, from_environment

    settings = context.meta["settings"]()
    settings = replace(settings, home=into.expanduser().resolve()) if into else settings
    check(file)
    own = from_environment()
    database = EmbeddedDatabase(settings.database_folder)
    running = own is not None or database.pid() is not None
    urls = own or database.start()
    try:
        made = bring_back(file, urls.owner, home=settings.home)
    finally:
        if not running:
            database.stop()
    if as_json:
        _print_json(
            {"home": str(settings.home), "tables": len(made.tables), "rows": made.rows, "audit_head": made.audit_head}
        )
        return
    click.echo(f"복원했습니다: 표 {len(made.tables)}개, {made.rows:,}행이 백업과 같습니다. ({settings.home})")
    click.echo(f"다음: haechi --home {settings.home} audit verify · 로그인은 모두 새로 해야 합니다.")


COMMANDS: list[click.Command] = [user, key, audit_log, backup, restore]
