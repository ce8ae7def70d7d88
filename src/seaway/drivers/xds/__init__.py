"""The delta ADS server that Envoy asks: `real` over gRPC, `fake` in memory. What to serve is decided elsewhere."""
