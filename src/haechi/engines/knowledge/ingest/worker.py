"""The worker process: reads files from its standard input, one after another, inside fixed bounds.

Frame in: one line of JSON {"filename", "length", "limits"}, then `length` bytes. Frame out: one line of JSON
{"documents": […]} or {"error": {"code", "message", "next_step", "record"}}. Started only by sandbox.py.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from typing import Any, BinaryIO

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import MIB, Limits
from haechi.engines.knowledge.ingest.reading import read_file
from haechi.engines.knowledge.ingest.wire import to_plain

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000


def confine() -> None:
    """Bounds that hold for the life of the process: no core dump, small files only, no network where the system lets us."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * MIB, 256 * MIB))
    os.nice(5)
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "unshare"):
        # A new user namespace lets an ordinary account give up the network; where that is forbidden we go on with it.
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    if hasattr(libc, "prctl"):
        libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL: never outlive the parent


def bound(limits: Limits) -> None:
    """Bounds of the next file: address space, and CPU seconds counted from what was used so far."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, resource.RLIM_INFINITY))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(usage.ru_utime + usage.ru_stime + limits.seconds + 2)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))


def answer(filename: str, data: bytes, limits: Limits) -> dict[str, Any]:
    """What goes back over the pipe for one file; no exception leaves."""
    try:
        return {"documents": [to_plain(document) for document in read_file(data, filename, limits)]}
    except UnreadableDocument as error:
        return {"error": error.as_dict()}
    except MemoryError:
        return {"error": unreadable("out_of_memory", record=filename).as_dict()}
    except Exception as error:  # the last line of defence: a parser's surprise must not stop the queue
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return {"error": unreadable("broken", record=filename).as_dict()}


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers frames until the input ends."""
    while line := source.readline():
        head = json.loads(line)
        data = source.read(head["length"])
        limits = Limits(**head["limits"])
        bound(limits)
        reply = answer(head["filename"], data, limits)
        del data
        try:
            payload = json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace")
        except MemoryError:
            payload = json.dumps({"error": unreadable("out_of_memory", record=head["filename"]).as_dict()}).encode()
        sink.write(payload + b"\n")
        sink.flush()


if __name__ == "__main__":
    # Libraries that print must not disturb the frames: the real output is moved aside, stdout becomes stderr.
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confine()
    serve(sys.stdin.buffer, frames)
