"""Where manifests come from: bytes into a Snapshot."""
