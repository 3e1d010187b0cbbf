"""How fast the audit log is written and verified, on a PostgreSQL of its own in a temporary folder.

`python bench/audit.py [--entries 100000] [--json]`: the last line is one JSON object. Entries beyond the first 2,000 are
filled in bulk with the same hash function, because only their verification is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from haechi.city.database import EmbeddedDatabase, migrate
from haechi.core import audit, clock
from haechi.core.store import SYSTEM, Actor, Store, Transaction

WRITTEN_ONE_BY_ONE = 2000
ACTOR = Actor("user:7f8b2f6e-0000-4000-8000-000000000001")
DETAIL = {"address": "10.0.0.1", "bureau": "복지과", "roles": ["staff"], "number": 17}
INSERT = (
    "insert into audit_log (seq, at, actor, action, resource, detail, previous, hash) values"
    " (:seq, :at, :actor, :action, :resource, cast(:detail as jsonb), :previous, :hash)"
)


def write(store: Store, count: int) -> list[float]:
    """Seconds for each of `count` transactions that record one entry."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        with store.transaction(ACTOR) as tx:
            audit.record(tx, "document.read", f"document:{number}", DETAIL)
        times.append(time.perf_counter() - started)
    return times


def fill(tx: Transaction, until: int) -> None:
    """Continue the chain up to `until` entries."""
    end = audit.head(tx)
    previous, at = bytes.fromhex(end.hash), clock.now()
    rows: list[dict[str, Any]] = []
    for seq in range(end.seq + 1, until + 1):
        at += timedelta(milliseconds=1)
        entry = (seq, at, ACTOR.subject, "document.read", f"document:{seq}", DETAIL)
        hash_ = audit.entry_hash(previous, *entry)
        keys = ("seq", "at", "actor", "action", "resource", "detail")
        row = dict(zip(keys, entry, strict=True))
        rows.append({**row, "detail": json.dumps(DETAIL), "previous": previous, "hash": hash_})
        previous = hash_
    for start in range(0, len(rows), 5000):
        tx.run(INSERT, rows[start : start + 5000])


def measure(entries: int) -> dict[str, Any]:
    """Write rate, verification time (median of three) and peak memory."""
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        database = EmbeddedDatabase(Path(folder) / "database")
        urls = database.start()
        try:
            migrate(urls.owner)
            store = Store(urls.app)
            writes = write(store, min(entries, WRITTEN_ONE_BY_ONE))
            with store.transaction(SYSTEM) as tx:
                fill(tx, entries)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            cpu = time.process_time()
            seconds = [_verify(store, entries) for _ in range(3)]
            cpu = (time.process_time() - cpu) / len(seconds)
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            store.close()
        finally:
            database.stop()
    return {
        "bench": "audit",
        "entries": entries,
        "verify_seconds": round(statistics.median(seconds), 3),
        "verify_cpu_seconds": round(cpu, 3),
        "verify_entries_per_second": round(entries / statistics.median(seconds)),
        "verify_extra_memory_mib": round((after - before) / 1024, 1),
        "record_ms_p50": round(statistics.median(writes) * 1000, 2),
        "record_ms_p95": round(statistics.quantiles(writes, n=20)[18] * 1000, 2),
        "date": clock.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _verify(store: Store, entries: int) -> float:
    started = time.perf_counter()
    with store.transaction(SYSTEM) as tx:
        found = audit.verify(tx)
    elapsed = time.perf_counter() - started
    if not found.ok or found.entries != entries:
        raise SystemExit(f"the chain does not verify: {found}")
    return elapsed


def main() -> None:
    """Entry."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=100_000)
    arguments.add_argument("--json", action="store_true", help="print the JSON object only")
    chosen = arguments.parse_args()
    found = measure(chosen.entries)
    if not chosen.json:
        print(f"{found['entries']:,} entries verified in {found['verify_seconds']} s")
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
