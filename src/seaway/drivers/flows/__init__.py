"""Where Envoy tells of flows: its access log service at the node's agent. What the entries mean is `analysis/flows`."""
