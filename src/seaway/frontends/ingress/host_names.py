"""Host names of rules and TLS entries, checked as the API server checks them.

https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/networking/validation/validation.go (validateIngressRules)
"""

from __future__ import annotations

import ipaddress

from seaway.core.names import is_dns_subdomain

ANY = "*"
"""The host of a rule that names none."""


def host_problem(host: str) -> str:
    """Why the API server refuses this non-empty host name, "" if it does not."""
    if _is_address(host):
        return "it is an IP address, not a DNS name"
    if "*" in host:
        if host.startswith("*.") and len(host) <= 253 and is_dns_subdomain(host[2:]):
            return ""
        return "a wildcard is the whole first label, once, as in *.example.com"
    if is_dns_subdomain(host):
        return ""
    if is_dns_subdomain(host.lower()):
        return "it holds upper-case letters"
    return "it is not a DNS name"


def covers(pattern: str, host: str) -> bool:
    """Whether a name equals `host` or, as `*.example.com`, stands for it with one label. Letter case does not count."""
    pattern, host = pattern.lower(), host.lower()
    if pattern == host:
        return True
    label, _, rest = host.partition(".")
    return bool(label and rest) and pattern == f"*.{rest}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
