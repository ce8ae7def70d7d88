"""Routes as Envoy tries them: one module a feature, the same for gateways (`gateway.py`) and for callers in the mesh (`mesh.py`)."""
