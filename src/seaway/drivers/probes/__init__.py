"""Startup, readiness and liveness probes of a node's pods, as the kubelet runs them."""
