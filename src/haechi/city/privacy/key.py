"""The key under which data subjects become numbers: made once for an installation, readable by its own account only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from haechi.engines.rules.detection import Keyed


def keyed_of(home: Path) -> Keyed:
    """The installation's keyed numbers. Whoever loses the file numbers watch list and cases anew."""
    path = home / "privacy.key"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return Keyed(path.read_bytes())
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
        return keyed_of(home)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
    return Keyed(path.read_bytes())
