"""The error tree of Haechi.

Every error says what happened, to which record, and what the reader can do next, in Korean first. `code` is stable and
machine-readable; `status` is the HTTP status the web layer answers with.
"""

from __future__ import annotations


class HaechiError(Exception):
    """Base of all expected errors.

    message: one Korean sentence about what happened. next_step: one Korean sentence with the next step.
    record: the identifier of the record concerned, or "".
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, next_step: str = "", record: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.record = record

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.next_step) if part)

    def as_dict(self) -> dict[str, str]:
        """The error as the API and the screens show it."""
        return {"code": self.code, "message": self.message, "next_step": self.next_step, "record": self.record}


class InvalidInput(HaechiError):
    """What the person or program sent cannot be accepted as it is."""

    code = "invalid_input"
    status = 422


class NotFound(HaechiError):
    """No such record, or none that this person may know of: the two are indistinguishable on purpose."""

    code = "not_found"
    status = 404


class NotSignedIn(HaechiError):
    """The request carries no valid session or key."""

    code = "not_signed_in"
    status = 401


class Forbidden(HaechiError):
    """The person is known, and may not do this."""

    code = "forbidden"
    status = 403


class Conflict(HaechiError):
    """Somebody changed the record meanwhile, or it already exists."""

    code = "conflict"
    status = 409


class TooManyRequests(HaechiError):
    """A limit was reached; `retry_after` is in seconds."""

    code = "too_many_requests"
    status = 429

    def __init__(self, message: str, *, retry_after: int, next_step: str = "", record: str = "") -> None:
        super().__init__(message, next_step=next_step, record=record)
        self.retry_after = retry_after


class Unavailable(HaechiError):
    """A part that is needed is down for now (database, model, disk); nothing was accepted."""

    code = "unavailable"
    status = 503


class MissingPart(HaechiError):
    """An optional part is not installed; `install` is the command that brings it."""

    code = "missing_part"
    status = 501

    def __init__(self, part: str, install: str) -> None:
        super().__init__(f"'{part}'이(가) 설치되어 있지 않습니다.", next_step=f"설치: {install}", record=part)
        self.install = install


class UnreadableDocument(InvalidInput):
    """A document that cannot be read; `code` tells why (see engines/knowledge/ingest)."""

    code = "unreadable_document"


class BadManifest(HaechiError):
    """A service's manifest breaks the contract; names file and key."""

    code = "bad_manifest"
