"""The knowledge engine: documents → passages → index → cited answers. `ports.py` has its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from haechi.engines.knowledge.knowledge import Knowledge, embedder_for

__all__ = ["Knowledge", "embedder_for"]


def __getattr__(name: str) -> Any:
    # On demand: the process that reads documents needs neither index nor answerer, and starts three times faster.
    if name in __all__:
        from haechi.engines.knowledge import knowledge

        return getattr(knowledge, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
