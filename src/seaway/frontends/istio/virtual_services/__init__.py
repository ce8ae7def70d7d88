"""VirtualServices: which way requests and connections to a host take."""
