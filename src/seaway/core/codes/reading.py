"""Mistakes found while files are read as Kubernetes objects (NET01xx)."""

from __future__ import annotations

