"""The core APIs: workloads, Services, endpoints and configuration, as the API server, its controllers and the kubelet read them."""
