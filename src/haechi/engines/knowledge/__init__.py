"""The knowledge engine: documents → passages → index → cited answers. `ports.py` has its types."""

from haechi.engines.knowledge.knowledge import Knowledge, embedder_for

__all__ = ["Knowledge", "embedder_for"]
