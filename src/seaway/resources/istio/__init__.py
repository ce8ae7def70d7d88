"""Istio's kinds as written, one module a kind; structs have the names and all fields of the API.

https://istio.io/latest/docs/reference/config/
"""
