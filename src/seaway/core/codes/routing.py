"""Mistakes in VirtualServices (NET0530 to NET0555).

NET0530 to NET0543: upstream refuses the object, and so does Seaway. NET0544 to NET0555: what it says is without effect, or leads nowhere.
"""

from __future__ import annotations

from seaway.core.finding import Code, Severity

_REFUSED = "Istio's webhook refuses the whole VirtualService. Here it is left out too, and its hosts are served as if it did not exist."

SHAPE_REFUSED = Code(
    "NET0530",
    Severity.ERROR,
    "the VirtualService is refused: {problem}",
    _REFUSED,
    "{help}",
)
MATCH_REFUSED = Code(
    "NET0531",
    Severity.ERROR,
    "{what} is refused: {problem}",
    _REFUSED,
    "Correct the condition; expressions are RE2: https://github.com/google/re2/wiki/Syntax.",
)
ROUTE_REFUSED = Code(
    "NET0532",
    Severity.ERROR,
    "the rule is refused: {problem}",
    _REFUSED,
    "Give each rule exactly one of route, redirect, directResponse and delegate, and nothing that contradicts it.",
)
DESTINATION_REFUSED = Code(
    "NET0533",
    Severity.ERROR,
    "the destination is refused: {problem}",
    _REFUSED,
    "Name a host, a subset that is a DNS label, and a port from 1 to 65535; of several destinations one must have a weight above 0.",
)
REDIRECT_REFUSED = Code(
    "NET0534",
    Severity.ERROR,
    "the redirect is refused: {problem}",
    _REFUSED,
    "Redirect to a URI, authority, scheme or port, with 301, 302, 303, 307 or 308.",
)
RESPONSE_REFUSED = Code(
    "NET0535",
    Severity.ERROR,
    "the direct response is refused: {problem}",
    _REFUSED,
    "Give it a status from 200 to 599 and at most one body of no more than 1 MiB.",
)
PATH_REWRITE_REFUSED = Code(
    "NET0536",
    Severity.ERROR,
    "the rewrite is refused: {problem}",
    _REFUSED,
    "Give uri, or uriRegexRewrite with match and rewrite, or authority.",
)
HEADERS_REFUSED = Code(
    "NET0537",
    Severity.ERROR,
    "the operation on header {name} is refused: {problem}",
    _REFUSED,
    "Write % as %%, unless it encloses one of Envoy's commands; change the Host header in one place only, for requests only.",
)
RETRIES_REFUSED = Code(
    "NET0538",
    Severity.ERROR,
    "the retries are refused: {problem}",
    _REFUSED,
    "Give attempts, and in retryOn Envoy's words or HTTP statuses; attempts: 0 stands alone and switches retries off.",
)
TIMEOUT_REFUSED = Code(
    "NET0539",
    Severity.ERROR,
    "the timeout is refused: {problem}",
    _REFUSED,
    "Write a duration such as 500ms or 10s; without timeout there is none.",
)
FAULT_REFUSED = Code(
    "NET0540",
    Severity.ERROR,
    "the fault is refused: {problem}",
    _REFUSED,
    "Give a delay with fixedDelay, or an abort with one status, and a percentage of 0 or from 0.0001 to 100.",
)
CORS_REFUSED = Code(
    "NET0541",
    Severity.ERROR,
    "the corsPolicy is refused: {problem}",
    _REFUSED,
    "Give origins that are exact, prefix or regex and not empty, methods and headers by their names, and maxAge in whole seconds.",
)
MIRROR_REFUSED = Code(
    "NET0542",
    Severity.ERROR,
    "the mirror is refused: {problem}",
    _REFUSED,
    "Give mirror or mirrors, and a percentage from 0 to 100.",
)
CONNECTION_REFUSED = Code(
    "NET0543",
    Severity.ERROR,
    "the {protocol} rule is refused: {problem}",
    _REFUSED,
    "A tls rule needs a match with sniHosts that are among the VirtualService's hosts, and a route; a tcp rule needs a route.",
)

HOST_TAKEN = Code(
    "NET0544",
    Severity.WARNING,
    "host {host} has the routes of {winner} ({where}), which is older: none of these are used for it in the mesh",
    "In the mesh, VirtualServices of one host are not merged: the oldest, or else the first by name, has the host alone.",
    "Put all routes of the host into one VirtualService, or let it delegate to others.",
)
RULE_UNREACHABLE = Code(
    "NET0545",
    Severity.WARNING,
    "this rule is never used: {reason}",
    "Rules are tried in order, and the first that matches decides.",
    "Move it before the other, or remove it.",
)
MATCH_UNREACHABLE = Code(
    "NET0546",
    Severity.WARNING,
    "this match is never used: {reason}",
    "Rules are tried in order, and the first that matches decides.",
    "Move the narrower match before the wider one, or remove it.",
)
DESTINATION_UNKNOWN = Code(
    "NET0547",
    Severity.ERROR,
    "destination host {host}: {problem}{hint}",
    "Requests that are sent there answer 503.",
    "Name a Service or the host of a ServiceEntry; a name without a dot is a Service of namespace {namespace}.",
)
SUBSET_UNKNOWN = Code(
    "NET0548",
    Severity.ERROR,
    "subset {subset} of {host}: no DestinationRule for this host defines it{hint}",
    "Requests that are sent there answer 503.",
    "Add the subset to a DestinationRule for {host}, or name one that exists.",
)
PORT_UNKNOWN = Code(
    "NET0549",
    Severity.ERROR,
    "destination host {host}: {problem}",
    "Requests that are sent there answer 503.",
    "Set destination.port.number to one of the host's ports: {ports}.",
)
DELEGATE_UNUSABLE = Code(
    "NET0550",
    Severity.ERROR,
    "delegate {name}: {problem}",
    "The rule is left out: requests that it would match go to the rules after it.",
    "Name a VirtualService without hosts, in this namespace or exported to it.",
)
DELEGATE_CONFLICT = Code(
    "NET0551",
    Severity.ERROR,
    "this rule of the delegate is left out: none of its matches lies within those of {root}",
    "A delegate's rule is used only for requests that the rule which delegates to it matches too, as far as that can be told from prefixes "
    "and exact values.",
    "Match paths below the root's prefix, and nothing that contradicts its conditions.",
)
GATEWAY_UNKNOWN = Code(
    "NET0552",
    Severity.ERROR,
    "gateway {name}: there is no such Gateway{hint}",
    "The VirtualService is served by no gateway under this name.",
    "Name a Gateway as NAMESPACE/NAME, or NAME for one of this namespace.",
)
HOST_UNREGISTERED = Code(
    "NET0553",
    Severity.WARNING,
    "host {host} is neither a Service nor the host of a ServiceEntry{hint}",
    "Only requests to port 80 with this Host header see the VirtualService.",
    "Name a Service, by its full name if it is in another namespace (NAME.NAMESPACE.svc.{domain}), or add a ServiceEntry for the host.",
)
DOUBTFUL = Code(
    "NET0554",
    Severity.WARNING,
    "{claim}",
    "{why}",
    "{help}",
)
DELEGATE_UNUSED = Code(
    "NET0555",
    Severity.WARNING,
    "the VirtualService has no hosts, and no other one delegates to it",
    "Nobody sees its routes.",
    "Give it hosts, or name it as the delegate of another VirtualService's rule.",
)
