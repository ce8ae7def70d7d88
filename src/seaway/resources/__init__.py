"""Manifests as written: one module an API group, no meaning. Defaults and precedence are the frontends' business."""
