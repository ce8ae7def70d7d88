"""DestinationRules: what they say of a host, which of them a caller sees, and the upstreams that come of it. One module a feature."""
