"""What Envoy or the kernel refused, and what the running network could not do (NET04xx)."""

from __future__ import annotations

