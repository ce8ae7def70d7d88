"""Least-privilege NetworkPolicies: from flows that were seen, or from what manifests say that their workloads call; with the proof."""
