"""Namespaces, veths, addresses and routes of nodes and pods."""
