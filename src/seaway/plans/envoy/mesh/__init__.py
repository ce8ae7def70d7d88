"""What Envoy holds for the mesh: pods with identities of their own, behind and in front of one Envoy a node."""
