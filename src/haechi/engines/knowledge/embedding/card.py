"""What stands in the register about an embedding model: where it comes from, under which licence, and how good it was
when somebody measured it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parent / "measured.json"
"""Written by `bench/embedding.py --write`; read only where its version is the one that runs."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """source_sha256: of the weights as delivered, or "" for a service behind a URL. longest: tokens, None unknown.
    measured: the bench's own result for exactly this version, or "unverified"."""

    name: str
    version: str
    origin: str
    licence: str
    source_sha256: str
    dimensions: int
    longest: int | None
    changes: str
    measured: Mapping[str, Any] | str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def measured(version: str, path: Path = MEASURED) -> Mapping[str, Any] | str:
    """The stored measurement of this version, or "unverified"."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "unverified"
    return result if isinstance(result, dict) and result.get("version") == version else "unverified"
