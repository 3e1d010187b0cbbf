"""Traces by OpenTelemetry, sent to the collector that HAECHI_OTLP_URL names; without it nothing is recorded.

Spans carry names, counts and times, never a question, an answer or a person.
"""

from __future__ import annotations

from haechi.city.settings import Settings


def start(settings: Settings, process: str) -> None:
    """Send this process's spans to the collector (OTLP over HTTP, in the background). Nothing when none is set.

    process: 'server', 'gateway'. A collector that is away costs spans, never a request.
    """
    if not settings.otlp_url:
        return
    # Imported here: half a second of start that only who traces should pay.
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"haechi-{process}"}))
    exporter = OTLPSpanExporter(endpoint=settings.otlp_url.rstrip("/") + "/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)


def stop() -> None:
    """Send what is left."""
    from opentelemetry import trace

    shutdown = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        shutdown()
