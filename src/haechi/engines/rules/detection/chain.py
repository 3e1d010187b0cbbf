"""Stored batches of log lines as a chain of hashes: an edit, a deletion or a change of order shows.

hash = sha256(previous ‖ canonical JSON of the header), and the header holds sha256 of the content. Past its day of keeping
a batch loses its content but not its header, so the chain stays whole. Cutting off the end is seen when the head is kept
elsewhere: the office writes it into the audit log, whose own head is published every day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

FIRST = bytes(32)


@dataclass(frozen=True, slots=True)
class Batch:
    """One stored batch. content: the lines as they came, UTF-8; None after disposal on `disposed_on`. digest: sha256 of it.
    refused: lines without the five fields; they are part of the content, too."""

    seq: int
    source: str
    lines: int
    refused: int
    first_at: int
    last_at: int
    keep_until: date
    digest: bytes
    previous: bytes
    hash: bytes
    content: bytes | None = None
    disposed_on: date | None = None


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first thing that is wrong: where, and one Korean sentence."""

    seq: int
    why: str


def link(
    previous: Batch | None, source: str, content: bytes, *, lines: int, refused: int, first_at: int, last_at: int,
    keep_until: date,
) -> Batch:  # fmt: skip
    """The next batch of a chain."""
    seq, before = (1, FIRST) if previous is None else (previous.seq + 1, previous.hash)
    digest = hashlib.sha256(content).digest()
    bare = Batch(seq, source, lines, refused, first_at, last_at, keep_until, digest, before, b"", content)
    return Batch(seq, source, lines, refused, first_at, last_at, keep_until, digest, before, hash_of(bare), content)


def hash_of(batch: Batch) -> bytes:
    """What the batch's hash must be."""
    header = {
        "seq": batch.seq, "source": batch.source, "lines": batch.lines, "refused": batch.refused,
        "first_at": batch.first_at, "last_at": batch.last_at, "keep_until": batch.keep_until.isoformat(),
        "digest": batch.digest.hex(),
    }  # fmt: skip
    canonical = json.dumps(header, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(batch.previous + canonical.encode()).digest()


def verify_chain(batches: Iterable[Batch], *, head: tuple[int, bytes] | None = None) -> ChainFault | None:
    """The first fault of a chain read in the order of its numbers, None when it is whole. Constant memory.

    head: number and hash of the last batch as kept elsewhere; shows an end that was cut off.
    """
    seq, hash_, heads_right = 0, FIRST, head is None or head[0] == 0
    for batch in batches:
        if why := _wrong(batch, seq, hash_):
            return ChainFault(seq + 1, why)
        seq, hash_ = batch.seq, batch.hash
        heads_right = heads_right or (head == (seq, hash_))
    if head is not None and not heads_right:
        if head[0] > seq:
            return ChainFault(seq + 1, f"{head[0]}번 묶음까지 있었는데 {seq}번에서 끝납니다. 뒷부분이 지워졌습니다.")
        return ChainFault(head[0], f"{head[0]}번 묶음이 따로 보관한 머리 값과 다릅니다.")
    return None


def _wrong(batch: Batch, seq: int, hash_: bytes) -> str:
    if batch.seq != seq + 1:
        return f"{seq + 1}번 묶음이 없습니다. 다음 묶음은 {batch.seq}번입니다."
    if batch.previous != hash_:
        return f"{batch.seq}번 묶음이 앞 묶음과 이어지지 않습니다. 순서가 바뀌었거나 앞 묶음이 바뀌었습니다."
    if hash_of(batch) != batch.hash:
        return f"{batch.seq}번 묶음의 머리글이 저장된 뒤에 바뀌었습니다."
    if batch.content is None:
        if batch.disposed_on is None or batch.disposed_on <= batch.keep_until:
            return f"{batch.seq}번 묶음의 내용이 보관 기한({batch.keep_until}) 전에 없어졌습니다."
    elif hashlib.sha256(batch.content).digest() != batch.digest:
        return f"{batch.seq}번 묶음의 내용이 저장된 뒤에 바뀌었습니다."
    return ""
