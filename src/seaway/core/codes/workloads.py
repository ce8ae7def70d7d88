"""Mistakes in workloads, services, endpoints and configuration (NET02xx)."""

from __future__ import annotations

