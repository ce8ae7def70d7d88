"""Istio's APIs to the model: who is in the mesh, what clients see, what workloads accept; with upstream's defaults and precedence."""
