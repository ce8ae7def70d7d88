"""What the cluster means: workloads, services, gateways. Knows no Kubernetes API and no engine; every default is filled in."""
