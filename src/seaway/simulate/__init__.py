"""Sends one packet, request or query through a plan, without an engine."""
