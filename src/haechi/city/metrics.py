"""What this process has done, for Prometheus: counters kept in memory, gauges read from small tables when asked.

No label holds a person, a question or an address; every label has few values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from haechi.core.errors import HaechiError
from haechi.core.store import SYSTEM, Store

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)

REGISTRY = CollectorRegistry()
HTTP = Histogram(
    "haechi_http_request_seconds", "Requests by route, until the last byte.", ("method", "route", "status"),
    buckets=SECONDS, registry=REGISTRY,
)  # fmt: skip
ANSWERS = Counter(
    "haechi_answers", "Answers by how they ended: answered, unknown, interrupted.", ("state",), registry=REGISTRY
)
ANSWER_SECONDS = Histogram(
    "haechi_answer_seconds",
    "From the question's acceptance to the end of its answer.",
    buckets=SECONDS,
    registry=REGISTRY,
)

_GAUGES = (
    ("haechi_model_requests", "Requests at the model gateway now.", ("lane", "state"),
     """select n.name, s.state, count(l.id) from model_lanes n cross join (values ('waiting'), ('running')) s (state)
     left join model_leases l on l.lane = n.lane and l.state = s.state group by n.lane, n.name, s.state"""),
    ("haechi_model_backend_up", "1 while a model server answers.", ("backend",),
     "select id, (enabled and state = 'up')::integer from model_backends"),
    ("haechi_documents_unread", "Document versions that wait to be read or indexed, or failed.", ("state",),
     """select w.state, count(v.id) from (values ('received'), ('reading'), ('searchable'), ('failed')) w (state)
     left join versions v on v.state = w.state group by w.state"""),
    ("haechi_stale_documents", "Open notices of stale documents.", (),
     "select count(*) from stale_notices where state = 'open'"),
)  # fmt: skip
_COUNTERS = (
    ("haechi_model_calls", "Calls that the gateway has booked.", "select tenant, sum(calls) from model_spending group by tenant"),
    ("haechi_model_won", "What tenants were charged, in won.", "select tenant, sum(microwon) / 1e6 from model_spending group by tenant"),
    ("haechi_model_tokens", "Tokens read and written.", "select tenant, sum(tokens_in + tokens_out) from model_spending group by tenant"),
)  # fmt: skip


class DatabaseCollector(Collector):
    """Reads the gauges in one transaction of the worker's role. While the database is away only `haechi_database_up 0` is told."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client.registry.Collector."""
        up = GaugeMetricFamily("haechi_database_up", "1 while the database answers.")
        try:
            with self._store.transaction(SYSTEM, snapshot=True) as tx:
                found = [*self._gauges(tx), *self._counters(tx)]
        except HaechiError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found

    def _gauges(self, tx: Any) -> Iterator[Metric]:
        for name, text, labels, sql in _GAUGES:
            family = GaugeMetricFamily(name, text, labels=labels)
            _fill(family, tx.all(sql))
            yield family

    def _counters(self, tx: Any) -> Iterator[Metric]:
        for name, text, sql in _COUNTERS:
            family = CounterMetricFamily(name, text, labels=("tenant",))
            _fill(family, tx.all(sql))
            yield family


def _fill(family: Any, rows: Iterable[Any]) -> None:
    for row in rows:
        *labels, value = row.values()
        family.add_metric([str(label) for label in labels], float(value))


def exposition(store: Store) -> bytes:
    """Everything in Prometheus' text format 0.0.4."""
    own = CollectorRegistry()
    own.register(DatabaseCollector(store))
    return generate_latest(REGISTRY) + generate_latest(own)
