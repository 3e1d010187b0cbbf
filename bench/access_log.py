"""How fast access logs are judged: CSV text → five fields → rules → findings. `bench/access_log.py --lines 10000000 --json`.

The log is a synthetic city's (service 45's trial); making it is not timed. Processor time stands beside the wall clock, for on
a shared machine the wall clock says more about the others.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time

from haechi.core.measuring import machine
from haechi.core.roles import policy_file
from haechi.engines.rules.detection import (
    CaseRegister,
    Detector,
    Handler,
    Intake,
    Keyed,
    Staff,
    WatchList,
    load_rules,
    read_csv,
)
from haechi.services.s45_privacy_guard.city_life import HEADER, City

LIMIT_SECONDS = 600


def main() -> None:
    """Print one JSON object."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--lines", type=int, default=2_000_000)
    asked.add_argument("--people", type=int, default=4000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    told = measure(given.lines, given.people, given.seed)
    print(
        json.dumps(told, ensure_ascii=False)
        if given.json
        else "\n".join(f"{key}: {value}" for key, value in told.items())
    )


def measure(lines: int, people: int, seed: int) -> dict[str, object]:
    """Days of a city until `lines` are judged."""
    city = City(seed, people=people, days=3650)
    keyed = Keyed(random.Random(seed).randbytes(32))
    register, intake = CaseRegister(keyed), Intake(keyed)
    staff = Staff({row["account"]: Handler.from_row(row) for row in city.staff_rows()}, city.roster)
    detector = Detector(
        load_rules(policy_file("detection")), intake, staff, cases=register, watch=WatchList(keyed, *city.watch()),
        shared_places=frozenset(map(keyed, city.shared_places())),
    )  # fmt: skip
    wall = processor = 0.0
    done, alerts, number = 0, 0, 0
    while done < lines:
        log = city.honest(number)
        text = city.lines(number, log)[: lines - done]
        cases = city.cases_of(log)
        begin, cpu = time.perf_counter(), time.process_time()
        register.add(cases)
        for rows in read_csv([HEADER, *text], intake, first=done + 1):
            alerts += len(detector.feed(rows))
        wall, processor = wall + time.perf_counter() - begin, processor + time.process_time() - cpu
        done, number = done + len(text), number + 1
    begin, cpu = time.perf_counter(), time.process_time()
    alerts += len(detector.finish())
    wall, processor = wall + time.perf_counter() - begin, processor + time.process_time() - cpu
    return {
        "lines": done, "days": number, "handlers": people, "alerts": alerts, "seconds": round(wall, 1),
        "processor_seconds": round(processor, 1), "lines_per_second": round(done / wall),
        "ten_million_seconds": round(10_000_000 * wall / done), "limit_seconds": LIMIT_SECONDS,
        "extrapolated": done < 10_000_000, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "synthetic": True, "machine": machine(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
