"""The Envoy binary and its process. Its configuration arrives over `drivers/xds`."""
