"""The service at which all nodes' Envoys have requests counted."""
