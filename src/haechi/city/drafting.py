"""보도자료와 보고서 초안: a plan in, a draft whose every figure points back to the plan, HWPX and DOCX out."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from haechi.city.plan_reading import KOREAN, form, plan_from, vocabulary
from haechi.city.polishing import polish
from haechi.city.settings import Settings
from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store
from haechi.engines.knowledge.ingest import Limits, read_in_worker
from haechi.engines.knowledge.ports import LanguageModel, ParsedDocument
from haechi.engines.models.openai_compatible import OpenAICompatible
from haechi.engines.text.drafting import (
    Draft,
    Plan,
    check_form,
    compose,
    draft_from,
    manuscript,
    parts_of,
    to_docx,
    to_hwpx,
    verify,
)
from haechi.engines.text.drafting.docx_file import MEDIA_TYPE as DOCX
from haechi.engines.text.drafting.hwpx_file import MEDIA_TYPE as HWPX

PLANNED = {"press_release": "보도자료", "report": "보고서"}
"""Made from a plan; a reply is made from a letter (city/replies.py)."""
KINDS = {**PLANNED, "reply": "민원회신"}
_WRITERS: dict[str, tuple[str, Callable[..., bytes]]] = {"hwpx": (HWPX, to_hwpx), "docx": (DOCX, to_docx)}
_BAD_IN_NAMES = re.compile(r"[\\/:*?\"<>|\x00-\x1f]+")
_SUMMARY = "id::text as id, kind, title, plan_filename, plan_sha256, created_at"


class Drafting:
    """Drafts belong to who made them; nobody else sees them (row-level security)."""

    def __init__(self, store: Store, settings: Settings, model: LanguageModel | None = None) -> None:
        """model: polishes single sentences; by default the one that the settings name, none when they name none."""
        self._store = store
        self._settings = settings
        self._model = model or _model_of(settings)

    def draft(self, actor: Actor, kind: str, filename: str, data: bytes, *, part: int = 0) -> dict[str, Any]:
        """Read the plan, write the draft, keep it; as `get`. part: which project of a file that holds several, from 0.

        Raises Forbidden, InvalidInput (kind, part, nothing to read), UnreadableDocument.
        """
        require(actor, "draft.make")
        if kind not in PLANNED:
            raise InvalidInput(
                f"'{kind}'은(는) 만들 수 있는 초안이 아닙니다.",
                next_step="보도자료(press_release)나 보고서(report)를 고르세요.",
            )
        content = self._content(kind, self._plan(filename, data, part))
        return self.keep(actor, kind, content, PurePath(filename).name, hashlib.sha256(data).hexdigest())

    def keep(self, actor: Actor, kind: str, content: dict[str, Any], source: str, digest: str) -> dict[str, Any]:
        """Store what `content_of` made; as `get`. source: name of what it was made from; digest: its SHA-256."""
        draft_id = clock.new_id()
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into drafts (id, subject, kind, title, plan_filename, plan_sha256, content, created_at)
                values (:id, :subject, :kind, :title, :filename, :sha256, cast(:content as jsonb), :now)""",
                {
                    "id": draft_id, "subject": actor.subject, "kind": kind, "title": content["draft"]["title"],
                    "filename": source, "sha256": digest,
                    "content": json.dumps(content, ensure_ascii=False), "now": clock.now(),
                },
            )  # fmt: skip
            audit.record(
                tx, "draft.make", f"draft:{draft_id}",
                {"kind": kind, "plan": source, "sha256": digest, "figures": len(content["figures"])},
            )  # fmt: skip
        return self.get(actor, draft_id)

    def drafts(self, actor: Actor) -> list[Row]:
        """This person's drafts, newest first: id, kind, title, plan_filename, plan_sha256, created_at."""
        with self._store.transaction(actor) as tx:
            return tx.all(f"select {_SUMMARY} from drafts order by created_at desc, id")

    def get(self, actor: Actor, draft_id: str) -> dict[str, Any]:
        """One draft: the columns of `drafts`, and draft (paragraphs with sentences and their lines), figures, quotes
        (line → text, locator, page, passage), form_faults, verified, parts. NotFound when it is nobody's or another's."""
        with self._store.transaction(actor) as tx:
            row = tx.one(f"select {_SUMMARY}, content from drafts where id = :id", id=_uuid(draft_id))
        if row is None:
            raise _no_draft(draft_id)
        content = row["content"] if isinstance(row["content"], dict) else json.loads(row["content"])
        return {**{key: value for key, value in row.items() if key != "content"}, **content}

    def export(self, actor: Actor, draft_id: str, format: str) -> tuple[str, str, bytes]:
        """(file name, media type, bytes) as "hwpx" or "docx"."""
        if format not in _WRITERS:
            raise InvalidInput(f"'{format}' 형식으로는 내보낼 수 없습니다.", next_step="hwpx나 docx를 고르세요.")
        kept = self.get(actor, draft_id)
        draft = draft_from(kept["draft"])
        media_type, write = _WRITERS[format]
        data = write(
            manuscript(draft, form(draft.kind)),
            title=draft.title,
            author=self._settings.city_name,
            label=draft.label,
        )
        stem = _BAD_IN_NAMES.sub(" ", draft.title).strip()[:80] or "초안"
        return f"{KINDS[draft.kind]}_초안_{stem}.{format}", media_type, data

    def delete(self, actor: Actor, draft_id: str) -> None:
        """Remove one's own draft."""
        with self._store.transaction(actor) as tx:
            if not tx.run("delete from drafts where id = :id", {"id": _uuid(draft_id)}):
                raise _no_draft(draft_id)
            audit.record(tx, "draft.delete", f"draft:{draft_id}", {})

    def _plan(self, filename: str, data: bytes, part: int) -> Plan:
        limits = Limits(
            file_bytes=self._settings.upload_limit_mib << 20,
            seconds=float(self._settings.read_seconds),
            memory_bytes=self._settings.read_memory_mib << 20,
        )
        documents = [one for one in read_in_worker(data, filename, limits) if one.blocks]
        if len(documents) != 1:
            raise _unusable(filename, documents)
        parts = parts_of(plan_from(documents[0]))
        if not 0 <= part < len(parts):
            raise InvalidInput(
                f"이 파일에는 사업이 {len(parts)}건 있습니다.",
                next_step=f"1부터 {len(parts)} 가운데 고르세요.",
                record=filename,
            )
        return parts[part]

    def _content(self, kind: str, plan: Plan) -> dict[str, Any]:
        draft = compose(plan, form(kind), vocabulary(), KOREAN, agency=self._settings.city_name)
        if self._model is None:
            return content_of(draft, plan)
        return content_of(polish(draft, plan, self._model), plan, model=self._model.name)


def _model_of(settings: Settings) -> LanguageModel | None:
    if not (settings.model_url and settings.model_name):
        return None
    return OpenAICompatible(settings.model_url, settings.model_name, settings.model_key)


def content_of(draft: Draft, plan: Plan, *, model: str = "built-in") -> dict[str, Any]:
    """What is kept of a draft and what the page shows: figures with their place in the plan, and the form's verdict."""
    proof = verify(draft, plan, KOREAN)
    numbers = sorted({line for one in draft.paragraphs for _, lines, _ in one.claims() for line in lines})
    quotes = {
        str(number): {
            "text": plan.line(number).text,
            "locator": plan.line(number).locator,
            "page": plan.line(number).page,
            "passage": plan.line(number).passage,
        }
        for number in numbers
    }
    return {
        "draft": draft.as_dict(),
        "figures": [asdict(figure) for figure in proof.figures],
        "verified": proof.ok,
        "failures": [asdict(failure) for failure in proof.failures],
        "quotes": quotes,
        "form_faults": [asdict(fault) for fault in check_form(draft, form(draft.kind))],
        "form": {"id": draft.form, "in_force": draft.in_force, "source": form(draft.kind).source},
        "parts": list(plan.parts),
        "part": plan.part,
        "label": draft.label,
        "model": model,
    }


def _unusable(filename: str, documents: list[ParsedDocument]) -> InvalidInput:
    if documents:
        return InvalidInput(
            f"압축 파일에 문서가 {len(documents)}건 있습니다.", next_step="계획서 한 건만 올리세요.", record=filename
        )
    return InvalidInput(
        "계획서에서 읽을 글을 찾지 못했습니다.",
        next_step="글자가 든 계획서 파일(HWPX, PDF, DOCX 등)을 올리세요.",
        record=filename,
    )


def _no_draft(record: str) -> NotFound:
    return NotFound("초안을 찾을 수 없습니다.", next_step="초안 목록에서 다시 고르세요.", record=str(record))


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise _no_draft(value) from error
