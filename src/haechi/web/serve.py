"""The server process: `python -m haechi.web.serve`, started by the supervisor."""

from __future__ import annotations

import logging

import uvicorn

from haechi.city.installation import Installation
from haechi.city.settings import from_environment
from haechi.city.supervisor import end_with_parent
from haechi.web.app import create_app


def main() -> None:
    """Serve until the parent is gone or a signal comes. Answers health and sign-in before the index has warmed up."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s 서버 %(levelname)s %(message)s")
    end_with_parent()
    settings = from_environment()
    installation = Installation.open(settings)
    installation.store.wait_until_ready()
    installation.start_serving()
    try:
        uvicorn.run(
            create_app(installation),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            timeout_graceful_shutdown=5,
            server_header=False,
            proxy_headers=bool(settings.public_url),
        )
    finally:
        installation.close()


if __name__ == "__main__":
    main()
