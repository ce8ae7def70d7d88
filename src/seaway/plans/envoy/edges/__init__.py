"""Servers of gateways that objects beside Ingresses ask for: filter chains, the TLS that ends at them, and their certificates."""
