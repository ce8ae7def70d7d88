"""Envoy's configuration of one node, as xDS resources. The only place that builds Envoy protobuf."""
