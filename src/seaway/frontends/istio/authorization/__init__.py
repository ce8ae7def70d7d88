"""AuthorizationPolicies: who may do what at a workload."""
