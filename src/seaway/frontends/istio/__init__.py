"""Istio's APIs to the model: who is in the mesh, what clients see, what workloads accept. Holds all of upstream's defaults and precedence."""
