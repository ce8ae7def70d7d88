"""The cluster's DNS zone."""
