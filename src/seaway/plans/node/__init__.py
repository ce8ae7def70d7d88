"""What a node's agent runs: stand-ins, programs and probes of its pods, and cluster DNS."""
