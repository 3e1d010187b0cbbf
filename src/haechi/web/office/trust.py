"""신뢰: per service the 15 requirements of a certification, with what the platform found and what people filed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from haechi.city.register import load_register
from haechi.city.trust import Platform
from haechi.engines.rules.catalogue import catalogue_in_force
from haechi.office.cases import Cases
from haechi.office.trust import VERDICTS, Proof, rows, standing
from haechi.office.trust.requirements import STATES
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(prefix="/trust", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Runner = Annotated[Caller, Depends(permitted("trust.run"))]
FLOWS = ("trust_cert", "ethics_check", "impact_assessment")


def _platform(request: Request) -> Platform:
    platform: Platform = request.app.state.installation.office.platform
    return platform


def _cases(request: Request) -> Cases:
    cases: Cases = request.app.state.installation.office.cases
    return cases


@router.get("")
def services(request: Request, caller: Member) -> Response:
    """Services, those that run first, with what the office holds on each."""
    held, _ = _cases(request).reading.listed(caller.actor, kinds=FLOWS)
    by_service: dict[int, list[Any]] = {}
    for case in held:
        if case["service"] is not None:
            by_service.setdefault(case["service"], []).append(case)
    found = sorted(load_register().manifests, key=lambda manifest: (not manifest.built, manifest.number))
    return page(request, caller, "trust.html", services=found, held=by_service, loose=[c for c in held if c["service"] is None])  # fmt: skip


@router.get("/{service}")
def one(request: Request, caller: Member, service: int) -> Response:
    """The 15 rows of a service: what can be seen at once, and what ran within the hour."""
    platform = _platform(request)
    platform.know(service)
    proofs = platform.at_once(service)
    cases, _ = _cases(request).reading.listed(caller.actor, kinds=FLOWS, service=service)
    answers, attached = _filed(request, caller, next((c for c in cases if c["flow"] == "trust_cert"), None))
    found = rows(catalogue_in_force(), proofs, answers, attached)
    return page(
        request, caller, "trust_service.html", manifest=load_register().get(service), rows=found, cases=cases,
        proofs=proofs, counted=_counted(proofs), standing=standing(found), verdicts=VERDICTS, states=STATES,
        answered=bool(answers), may_run=caller.may("trust.run"),
    )  # fmt: skip


@router.post("/{service}/run")
def run(request: Request, caller: Runner, service: int) -> Response:
    """Gather everything anew, also what takes seconds."""
    _platform(request).gather(service, anew=True)
    return go(request, caller, f"/trust/{service}", "trust_ran")


@router.get("/{service}/sbom.json")
def sbom(request: Request, caller: Member, service: int) -> Response:  # noqa: ARG001 - who may see is asked above
    """The bill of materials."""
    content = _platform(request).bill(service)
    headers = {"content-disposition": f'attachment; filename="sbom-{service}.cdx.json"'}
    return Response(content, media_type="application/vnd.cyclonedx+json", headers=headers)


def _filed(request: Request, caller: Caller, case: Any) -> tuple[dict[str, Any], dict[str, set[str]]]:
    """Answers and attached kinds of evidence of the newest certification that this person sees."""
    if case is None:
        return {}, {}
    seen = _cases(request).reading.one(caller.actor, case["id"])
    answers = next((dict(f["answers"]) for f in seen["filings"] if f["form"] == "trust_evidence"), {})
    return answers, seen["proofs"]


def _counted(proofs: tuple[Proof, ...]) -> dict[str, int]:
    return {verdict: sum(proof.verdict == verdict for proof in proofs) for verdict in VERDICTS}
