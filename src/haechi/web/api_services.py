"""API: the register of services and the state of the installation."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from haechi.city.register import load_plan, load_register, portfolio
from haechi.web.api_models import PROBLEMS, Standing
from haechi.web.caller import Who

router = APIRouter(prefix="/api/v1", tags=["서비스 · Services"], responses=PROBLEMS)


@router.get("/services", summary="서비스 등록부 · The register of services", response_model=dict[str, Any])
def services(caller: Who) -> Any:  # noqa: ARG001 - a bad key is refused even here
    """분야·부서·단계별 수와 계획의 수를 맞춰 봅니다 · Counts, and how they reconcile with the plan."""
    return portfolio(load_register(), load_plan())


@router.get("/services/{number}", summary="서비스 한 건 · One service", response_model=dict[str, Any])
def service(caller: Who, number: Annotated[int, Path(ge=1, le=999)]) -> Any:  # noqa: ARG001
    """명세 그대로 · Its manifest."""
    return load_register().get(number).as_dict()


@router.get("/status", summary="운영 상태 · State of the installation", response_model=Standing)
def status(request: Request, caller: Who) -> Any:
    """비밀이나 주소는 담지 않습니다 · No secrets and no addresses."""
    detail = caller.may("installation.read")
    parts = [part.as_dict() for part in request.app.state.readings.parts.get()]
    shown = parts if detail else [{"name": part["name"], "state": part["state"]} for part in parts]
    return {"state": request.app.state.readings.state(), "parts": shown}
