"""Secrets over SDS: the server at which the node's Envoy asks the agent for certificates and roots."""
