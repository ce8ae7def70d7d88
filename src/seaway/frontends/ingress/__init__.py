"""networking.k8s.io/v1 Ingress as ingress-nginx serves it: which gateway claims what, and where its requests go."""
