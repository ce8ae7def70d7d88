"""Gateways of networking.istio.io: servers on a gateway's ports, and the VirtualServices that are bound to them. The door is `build.py`."""
