"""Mistakes in workloads, services, endpoints and configuration (NET02xx)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity
