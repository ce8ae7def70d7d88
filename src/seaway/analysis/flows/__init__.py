"""What a line of Envoy's access log means: who called whom, what became of it, and which lines of the manifests decided."""
