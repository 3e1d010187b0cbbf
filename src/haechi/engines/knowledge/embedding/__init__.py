"""Text → vectors: the packaged multilingual-e5-small, or any `/v1/embeddings` service."""

from haechi.engines.knowledge.embedding.e5 import E5Embedder, default_embedder

__all__ = ["E5Embedder", "default_embedder"]
