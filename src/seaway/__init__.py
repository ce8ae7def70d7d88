"""Seaway runs a Kubernetes network from its manifests."""

__version__ = "0.1.0"
