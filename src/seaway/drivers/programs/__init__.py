"""Real programs in pods: started inside the pod's namespaces, kept running as the restart policy says, found again after a restart."""
