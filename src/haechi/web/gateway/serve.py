"""`python -m haechi.web.gateway.serve`: the gateway process. Settings come from the environment (city/settings.py)."""

from __future__ import annotations

import gc
import logging

import uvicorn

from haechi.city import tracing
from haechi.city.gateway import configuration
from haechi.city.gateway.answerer import BuiltInAnswerer
from haechi.city.gateway.built_in import BuiltIn
from haechi.city.gateway.rules import read_rules
from haechi.city.installation import Installation
from haechi.city.settings import from_environment
from haechi.city.supervisor import end_with_parent
from haechi.web.gateway.app import Application, watched
from haechi.web.gateway.gateway import Gateway
from haechi.web.gateway.gathering import GatheringProtocol
from haechi.web.gateway.guarding import guard_in_force
from haechi.web.telemetry import Telemetry


def main() -> None:
    """Write the described backends into the database, then serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s 관문 %(levelname)s %(message)s")
    end_with_parent()
    settings = from_environment()
    tracing.start(settings, "gateway")
    installation = Installation.open(settings)
    installation.worker_store.wait_until_ready()
    found = configuration.described(settings)
    configuration.apply(installation.worker_store, found)
    gateway = Gateway(
        installation.urls.app,
        f"{settings.host}:{settings.gateway_port}",
        read_rules(),
        guard_in_force(),
        keys={each.id: each.key for each in found if each.key},
        order=settings.gateway_order,
        built_in=BuiltIn(settings.cache),
        answerer=BuiltInAnswerer(settings, installation.urls),
    )
    installation.close()
    application = Application(gateway)
    served = watched(application)
    if settings.otlp_url:  # not otherwise: every token passes here
        served = Telemetry(served, paths=frozenset(path for _, path in application.routes))
    # What was imported stays; looking through it again and again would hold up the answers that are under way.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    uvicorn.run(
        served,
        host=settings.host,
        port=settings.gateway_port,
        log_level="warning",
        access_log=False,
        http=GatheringProtocol,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
        ws="none",
        lifespan="on",
    )
    tracing.stop()


if __name__ == "__main__":
    main()
