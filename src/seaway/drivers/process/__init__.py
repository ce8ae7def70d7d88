"""Processes and the kernel namespaces that they live in. Knows no engine."""
