"""Embedding on many machines."""

from simviz_core.distributed.embedder import ClusterEmbedder

__all__ = ["ClusterEmbedder"]
