"""The worker process: reads documents, completes the index, scans folders, does the daily chores. Restartable at any point."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from haechi.city.chores import daily
from haechi.city.desk import deadlines
from haechi.city.desk.rules import rules_in_force
from haechi.city.enriching import Enriching
from haechi.city.folders import scan_folders
from haechi.city.installation import Installation
from haechi.city.reading import ReadingDesk
from haechi.city.settings import from_environment
from haechi.city.supervisor import end_with_parent
from haechi.core import clock
from haechi.core.errors import Unavailable
from haechi.engines.knowledge.ingest import Limits

log = logging.getLogger("haechi.worker")


class Worker:
    """Six loops in six threads: reading, enriching, the desk's and the office's deadlines, alerts, chores.

    Each survives the database being away."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.stop = threading.Event()
        settings = installation.settings
        limits = replace(Limits(), seconds=settings.read_seconds, memory_bytes=settings.read_memory_mib * 2**20)
        self._reading = ReadingDesk(installation.worker_store, limits)
        self._enriching = Enriching(installation.worker_store, settings)
        self._last_day: date | None = None
        self._judged_on: date | None = None

    def run(self) -> None:
        """Work until `stop` is set."""
        loops = (
            threading.Thread(target=self._loop, args=(self._read, 0.5), name="reading"),
            threading.Thread(target=self._loop, args=(self._enrich, 0.5), name="enriching"),
            threading.Thread(target=self._loop, args=(self._look_over_desk, 2.0), name="desk"),
            threading.Thread(target=self._loop, args=(self._look_over_office, 5.0), name="office"),
            threading.Thread(target=self._loop, args=(self._send_alerts, 1.0), name="alerts"),
            threading.Thread(
                target=self._loop, args=(self._chores, self._installation.settings.folder_scan_seconds), name="chores"
            ),
        )
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()

    def _loop(self, work: Callable[[], bool], pause: float) -> None:
        """Call `work` again at once while it finds something to do, else after `pause` seconds."""
        while not self.stop.is_set():
            try:
                busy = work()
            except Unavailable as error:
                log.warning("%s %s", error.message, "2초 뒤 다시 시도합니다.")
                busy = False
                self.stop.wait(2)
            except Exception:
                log.exception("작업이 실패했습니다. 다시 시도합니다.")
                busy = False
                self.stop.wait(5)
            if not busy:
                self.stop.wait(pause)

    def _read(self) -> bool:
        return self._reading.read_next() is not None

    def _enrich(self) -> bool:
        return self._enriching.next_batch() > 0

    def _look_over_desk(self) -> bool:
        deadlines.look_over(self._installation.worker_store, rules_in_force())
        return False

    def _look_over_office(self) -> bool:
        self._installation.office.look_over()
        return False

    def _send_alerts(self) -> bool:
        return self._installation.office.send_alerts()

    def _chores(self) -> bool:
        scan_folders(self._installation)
        if self._last_day != clock.today():
            daily(self._installation)
            self._last_day = clock.today()
        if self._judged_on != clock.today():
            # By its own mark: a scan that fails is tried again without doing the day's other chores twice.
            log.info("접속 기록을 살폈습니다: %s", self._installation.office.privacy.scanning.scan())
            self._judged_on = clock.today()
        return False


def main() -> None:
    """`python -m haechi.city.worker`"""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s 작업자 %(levelname)s %(message)s")
    end_with_parent()
    installation = Installation.open(from_environment())
    installation.worker_store.wait_until_ready()
    worker = Worker(installation)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: worker.stop.set())
    worker.run()
    installation.close()


if __name__ == "__main__":
    main()
