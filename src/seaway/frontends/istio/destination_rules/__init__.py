"""DestinationRules: what callers do with an upstream once they have chosen it."""
