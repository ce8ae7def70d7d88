"""Namespaces, links and addresses of nodes and pods."""
