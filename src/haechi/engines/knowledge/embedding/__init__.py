"""Text → vectors: the packaged multilingual-e5-small, or any `/v1/embeddings` service, with a memory in front."""

from haechi.engines.knowledge.embedding.cached import CachedEmbedder, FileVectors, MemoryVectors, VectorStore
from haechi.engines.knowledge.embedding.card import ModelCard
from haechi.engines.knowledge.embedding.e5 import E5Embedder, default_embedder
from haechi.engines.knowledge.embedding.http import HttpEmbedder

__all__ = [
    "CachedEmbedder",
    "E5Embedder",
    "FileVectors",
    "HttpEmbedder",
    "MemoryVectors",
    "ModelCard",
    "VectorStore",
    "default_embedder",
]
