"""The settings of one installation. Each is an environment variable `HAECHI_<NAME>`; docs/operating.md explains them all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from haechi.core.errors import InvalidInput


def default_home() -> Path:
    """`var/` of the checkout when run from one, else `~/.local/share/haechi`."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").exists():
        return checkout / "var"
    return Path.home() / ".local" / "share" / "haechi"


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings; sizes in bytes or mebibytes as named, times in seconds as named."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8300
    city_name: str = "해치시 (시연용 가상 도시)"
    contact_name: str = ""
    contact_phone: str = ""
    demo: bool = True
    model_url: str = ""
    model_name: str = ""
    model_key: str = ""
    gateway_port: int = 8301
    gateway_order: str = "fair"
    embeddings_url: str = ""
    embeddings_model: str = ""
    embeddings_key: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_bureau_claim: str = "bureau"
    oidc_roles_claim: str = "roles"
    ldap_url: str = ""
    ldap_bind_dn: str = ""
    ldap_bind_password: str = ""
    ldap_base: str = ""
    ldap_filter: str = "(uid={login})"
    ldap_bureau_attribute: str = "departmentNumber"
    ldap_groups_attribute: str = "memberOf"
    ldap_stable_ids: bool = True
    ldap_ca_file: str = ""
    public_url: str = ""
    metrics_from: str = "127.0.0.1 ::1"
    otlp_url: str = ""
    upload_limit_mib: int = 200
    read_seconds: int = 120
    read_memory_mib: int = 2048
    conversation_days: int = 90
    chat_per_minute: int = 240
    simultaneous_answers: int = 2
    waiting_answers: int = 200
    folder_scan_seconds: int = 10
    face_model: str = ""
    open_data_url: str = "http://openapi.seoul.go.kr:8088"
    open_data_key: str = ""
    kakao_secret: str = ""
    kakao_callback_hosts: str = "bot-api.kakao.com"
    widget_origins: str = ""

    @property
    def cache(self) -> Path:
        """Derived files that can be deleted at any time: converted models, index snapshots."""
        return self.home / "cache"

    @property
    def database_folder(self) -> Path:
        """The embedded PostgreSQL's files."""
        return self.home / "database" / "data"

    @property
    def address(self) -> str:
        """What people type into the browser."""
        return self.public_url or f"http://{self.host}:{self.port}"


def from_environment(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from `HAECHI_*`; a value that cannot be read raises `InvalidInput` naming the variable."""
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {"home": default_home()}
    hints = get_type_hints(Settings)
    for field in fields(Settings):
        name = f"HAECHI_{field.name.upper()}"
        if name in environment:
            values[field.name] = _read(name, environment[name], hints[field.name])
    values.update({key: value for key, value in overrides.items() if value is not None})
    values["home"] = Path(values["home"]).expanduser().resolve()
    return Settings(**values)


def _read(name: str, raw: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[raw.strip().lower()]
        return kind(raw)
    except (ValueError, KeyError) as error:
        wanted = {bool: "1 또는 0", int: "정수"}.get(kind, "글자")
        raise InvalidInput(
            f"환경 변수 {name}의 값 '{raw}'을(를) 읽을 수 없습니다.", next_step=f"{wanted}(으)로 고치세요.", record=name
        ) from error
