"""The kernel table of a node: services now, room for policies."""
