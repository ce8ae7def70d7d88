"""Clusters: how Envoy connects to an upstream, one module a feature. Which addresses stand behind it is said in `endpoints/`."""
