"""VirtualServices: one module a feature, from the manifest to model routes. Who sees which is `precedence.py`'s, the door `build.py`."""
