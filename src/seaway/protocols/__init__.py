"""Protocols without I/O: events in, actions out. No sockets, no clock."""
