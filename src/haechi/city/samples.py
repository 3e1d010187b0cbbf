"""A service's samples: requests with what must come of them, run without any connection beyond this machine."""

from __future__ import annotations

import importlib
import json
import logging
import socket
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from haechi.core.contract import Request, Service, ServiceCity
from haechi.core.errors import BadManifest, HaechiError
from haechi.core.manifest import Manifest
from haechi.core.outcome import Outcome
from haechi.core.quality import SAMPLE_KINDS, SampleRun

OpenEngine = Callable[..., Any]
EXPECTATIONS = ("error", "needs_person", "result", "contains", "lacks", "evidence")
LOOPBACK = ("127.", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Sample:
    """One request and what must come of it. expect: keys of EXPECTATIONS."""

    kind: str
    name: str
    payload: Mapping[str, Any]
    expect: Mapping[str, Any]
    tags: frozenset[str] = frozenset({"public"})
    as_of: date | None = None

    def request(self, service: int) -> Request:
        """The request to send."""
        return Request(service, self.payload, tags=self.tags, as_of=self.as_of)


def load_samples(manifest: Manifest) -> list[Sample]:
    """All samples of a service, by kind. Raises BadManifest for a case without expectation or with an unknown one."""
    samples: list[Sample] = []
    for kind in SAMPLE_KINDS:
        path = manifest.folder / "samples" / f"{kind}.toml"
        if path.exists():
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            samples += [_sample(f"{manifest.slug}/samples/{kind}.toml", kind, case) for case in raw.get("case", [])]
    return samples


def _sample(file: str, kind: str, case: Mapping[str, Any]) -> Sample:
    expect = case.get("expect", {})
    unknown = set(expect) - set(EXPECTATIONS)
    if "name" not in case or not expect or unknown:
        what = f"알 수 없는 기대 {', '.join(sorted(unknown))}" if unknown else "name이나 expect가 없는 사례"
        raise BadManifest(f"{file}: {what}.", next_step=f"쓸 수 있는 기대: {', '.join(EXPECTATIONS)}", record=file)
    tags = frozenset(case.get("tags", ["public"]))
    return Sample(kind, case["name"], case.get("payload", {}), expect, tags, case.get("as_of"))


def build_service(manifest: Manifest, open_engine: Callable[[str], Any], *, seed: int = 0) -> Service:
    """Import the entry point of a built service and build it with the engines that its manifest names."""
    module, _, function = manifest.entry.partition(":")
    service: Service = getattr(importlib.import_module(module), function)(
        ServiceCity(manifest.engines, open_engine, seed=seed)
    )
    return service


def documents_of(manifest: Manifest) -> Path | None:
    """The folder of documents that the samples are asked over, or None."""
    folder = manifest.folder / "samples" / "documents"
    return folder if folder.is_dir() else None


def run_samples(manifest: Manifest, service: Service) -> list[SampleRun]:
    """Every sample through `handle`, with the log lines it left."""
    return [_run(sample, manifest.number, service) for sample in load_samples(manifest)]


def _run(sample: Sample, number: int, service: Service) -> SampleRun:
    secrets = tuple(text for text in sample.payload.values() if isinstance(text, str) and len(text) > 5)
    with offline(), logged() as lines:
        try:
            outcome = service.handle(sample.request(number))
        except HaechiError as error:
            problem = "" if sample.expect.get("error") == error.code else f"오류 {error.code}: {error}"
            return SampleRun(sample.kind, sample.name, problem, error=error, log_lines=tuple(lines), secrets=secrets)
        except Exception as error:  # a sample that crashes is a finding, not the end of the check
            problem = f"{type(error).__name__}: {error}"
            return SampleRun(sample.kind, sample.name, problem, log_lines=tuple(lines), secrets=secrets)
    problem = difference(outcome, sample.expect)
    return SampleRun(sample.kind, sample.name, problem, outcome, log_lines=tuple(lines), secrets=secrets)


def difference(outcome: Outcome, expect: Mapping[str, Any]) -> str:
    """What of the expectation the outcome does not meet, in Korean, or ""."""
    if "error" in expect:
        return f"오류 {expect['error']}이(가) 나야 하는데 결과가 나왔습니다"
    if "needs_person" in expect and outcome.needs_person != expect["needs_person"]:
        return f"needs_person이 {outcome.needs_person}입니다({outcome.why_person})"
    text = json.dumps(dict(outcome.result), ensure_ascii=False, default=str)
    for key, value in expect.get("result", {}).items():
        if outcome.result.get(key) != value:
            return f"result.{key}이(가) {outcome.result.get(key)!r}입니다(기대 {value!r})"
    for words in expect.get("contains", []):
        if words not in text:
            return f"결과에 '{words}'이(가) 없습니다: {text[:200]}"
    for words in expect.get("lacks", []):
        if words in text or any(words in evidence.quote + evidence.title for evidence in outcome.evidence):
            return f"결과에 '{words}'이(가) 있으면 안 됩니다"
    titles = {evidence.title for evidence in outcome.evidence}
    if missing := set(expect.get("evidence", [])) - titles:
        return f"근거에 '{', '.join(sorted(missing))}'이(가) 없습니다"
    return ""


@contextmanager
def offline() -> Iterator[None]:
    """Inside the block, a connection to anything but this machine raises ConnectionRefusedError."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise ConnectionRefusedError(f"사례는 외부 연결 없이 돌아야 합니다: {address[0]}")
        real(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect = real  # type: ignore[method-assign]


@contextmanager
def logged() -> Iterator[list[str]]:
    """Inside the block, every log line of any logger is gathered."""
    lines: list[str] = []

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, handler, level = logging.getLogger(), Gather(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
