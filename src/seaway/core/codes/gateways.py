"""Mistakes in Istio's Gateways (NET0556 to NET0569), and in what is bound to them."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

GATEWAY_REFUSED = Code(
    "NET0556",
    Severity.ERROR,
    "the Gateway is refused: {problem}",
    "Istio's webhook refuses the whole Gateway. Here it is left out too: nothing is served that it asks for.",
    "{help}",
)
NO_GATEWAY_POD = Code(
    "NET0557",
    Severity.ERROR,
    "selector {selector} picks no pod of a gateway{hint}",
    "Nothing listens for this Gateway.",
    "Select the labels of a gateway's pods: {known}.",
)
SERVER_CREDENTIAL = Code(
    "NET0558",
    Severity.ERROR,
    "the server's TLS cannot be served: {problem}",
    "Connections for its hosts are closed, so that no other server answers them. Everything else is served.",
    "{mend}",
)
SERVERS_CONFLICT = Code(
    "NET0559",
    Severity.ERROR,
    "{protocol} on port {port} contradicts {other} ({where}), which serves {others} there",
    "One port speaks one of HTTP, TLS and TCP; the older Gateway has it, and this server is left out.",
    "Choose another port, or the same protocol.",
)
SERVER_HOST_TAKEN = Code(
    "NET0560",
    Severity.ERROR,
    "host {host} on port {port} is a server of {other} already ({where})",
    "A server name leads to one server; the older Gateway has it, and this server is left out with all of its hosts.",
    "Name each host in one server, or give the other server the certificate.",
)
PORT_NOT_EXPOSED = Code(
    "NET0561",
    Severity.WARNING,
    "port {port} is in no Service of {gateway}",
    "The gateway's pods listen on it, but it cannot be reached by the Service's address.",
    "Add the port to Service {service}.",
)
HOST_NOT_SERVED = Code(
    "NET0562",
    Severity.WARNING,
    "host {host} is within no host of a server of gateway {gateway}{hint}",
    "Requests for it are not answered by this VirtualService at that gateway.",
    "Add the host to a server of the Gateway, or name another one.",
)
SERVER_WITHOUT_ROUTES = Code(
    "NET0563",
    Severity.WARNING,
    "no VirtualService has routes for this server{hint}",
    "{effect}",
    "Bind a VirtualService to it: gateways: [{gateway}], with a host of the server, and {rules} rules.",
)
SERVER_FIELD_IDLE = Code(
    "NET0564",
    Severity.WARNING,
    "{claim}",
    "{why}",
    "{help}",
)
HOST_BESIDE_INGRESS = Code(
    "NET0565",
    Severity.NOTE,
    "host {host} is served for an Ingress on port {port} of {gateway} too",
    "Routes of VirtualServices are tried first, then those of the Ingress.",
    "Keep each host in one of the two, where that is not what you want.",
)
GATEWAY_OUTSIDE_MESH = Code(
    "NET0566",
    Severity.ERROR,
    "selector {selector} picks pods of {gateway}, which is neither Istio's gateway nor in the mesh",
    "Nothing listens for this Gateway: only proxies of the mesh serve Gateways.",
    "Let Istio inject its namespace (label istio-injection: enabled), or select the pods of another gateway.",
)
CLAIMS_UNVERIFIED = Code(
    "NET0567",
    Severity.ERROR,
    "the match asks for a claim of a token, and no RequestAuthentication applies to gateway {gateway}",
    "No token is verified there, so that the match is never met.",
    "Add a RequestAuthentication that selects the gateway's pods.",
)
INGRESS_PORT_TAKEN = Code(
    "NET0568",
    Severity.ERROR,
    "{protocol} on port {port} would take the port from the Ingresses that {gateway} serves there",
    "The Ingresses keep it, and this server is left out.",
    "Choose another port.",
)
