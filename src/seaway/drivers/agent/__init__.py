"""The node's agent and the link to it: orders go in as a file, readiness and events come out over a unix socket."""
