"""Mistakes in Ingress, IngressClass and the TLS Secrets that they use (NET03xx)."""

from __future__ import annotations

