"""`python -m haechi.web.serve`: the server process. Settings come from the environment (city/settings.py)."""

from __future__ import annotations

import uvicorn

from haechi.city import tracing
from haechi.city.installation import Installation
from haechi.city.settings import from_environment
from haechi.city.supervisor import end_with_parent
from haechi.web.app import create_app


def main() -> None:
    """Open the installation, fill the index in the background, serve until told to stop."""
    end_with_parent()
    settings = from_environment()
    tracing.start(settings, "server")
    installation = Installation.open(settings)
    installation.start_serving()
    try:
        uvicorn.run(
            create_app(installation),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=5,
            # Only a proxy on this machine may say who the person is.
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
        )
    finally:
        installation.close()
        tracing.stop()


if __name__ == "__main__":
    main()
