"""Endpoints: where an upstream's traffic goes now, an assignment a cluster; the only resources that pods coming and going change."""
