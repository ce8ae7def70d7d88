"""RateLimitPolicies: which requests are counted where, and what is wrong with that."""
