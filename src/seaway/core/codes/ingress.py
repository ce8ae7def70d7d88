"""Mistakes in Ingress, IngressClass and the TLS Secrets that they use (NET03xx).

NET030x to NET031x: classes and gateways. NET032x: hosts and paths. NET034x: backends. NET035x to NET036x: annotations. NET037x: TLS.
"""

from __future__ import annotations

from seaway.core.finding import Code, Severity

_NO_ONE = "No gateway serves it, so its hosts and paths answer 404."
_DEFAULT_CERTIFICATE = "Clients get the gateway's default certificate, which they do not trust for this name, and see a security error."

CLASS_MISSING = Code(
    "NET0301",
    Severity.ERROR,
    "ingressClassName {name}: there is no such IngressClass{hint}",
    _NO_ONE + " {why}",
    "Add an IngressClass {name} with spec.controller {controller}, or name one that exists.",
)
CLASS_FOREIGN = Code(
    "NET0302",
    Severity.WARNING,
    "IngressClass {name} belongs to controller {controller}, which no gateway in the manifests is",
    _NO_ONE,
    "Add that controller's Deployment to the manifests, or name a class of one that is there: {known}.",
)
CLASS_ADOPTED = Code(
    "NET0303",
    Severity.NOTE,
    "IngressClass {name} belongs to controller {controller}, which is not in the manifests: Seaway's own gateway serves it",
    "Here the Ingress works; in a cluster it does so only where that controller runs.",
    "Nothing to do if the controller is installed elsewhere; else set ingressClassName: seaway.",
)
CLASS_MISSING_ADOPTED = Code(
    "NET0304",
    Severity.WARNING,
    "ingressClassName {name}: neither that IngressClass nor a controller is in the manifests: Seaway's own gateway serves it",
    "An Ingress whose class does not exist is served by nobody; the class usually comes with a controller's installation.",
    "Add the IngressClass to the manifests, or set ingressClassName: seaway.",
)
NO_CLASS_SERVED = Code(
    "NET0305",
    Severity.WARNING,
    "the Ingress names no class and no IngressClass is the default: {gateway} serves it because it is the only gateway",
    "ingress-nginx and most other controllers pass such an Ingress by: in a cluster it would answer 404.",
    "Set spec.ingressClassName to {mend}.",
)
NO_CLASS = Code(
    "NET0306",
    Severity.ERROR,
    "the Ingress names no class, no IngressClass is the default, and {count} gateways could serve it",
    _NO_ONE,
    'Set spec.ingressClassName, or mark one IngressClass with ingressclass.kubernetes.io/is-default-class: "true".',
)
ANNOTATION_CLASS_UNKNOWN = Code(
    "NET0307",
    Severity.ERROR,
    "annotation kubernetes.io/ingress.class is {name}, and no gateway answers to it",
    _NO_ONE + " The annotation is compared with the controller's --ingress-class, not with IngressClass objects.",
    "Set spec.ingressClassName instead; gateways here answer to: {known}.",
)
ANNOTATION_CLASS_ADOPTED = Code(
    "NET0308",
    Severity.NOTE,
    "annotation kubernetes.io/ingress.class is {name}, whose controller is not in the manifests: Seaway's own gateway serves it",
    "Here the Ingress works; in a cluster it does so only where that controller runs. The annotation is deprecated since Kubernetes 1.18.",
    "Set spec.ingressClassName instead.",
)
CLASS_TWICE = Code(
    "NET0309",
    Severity.ERROR,
    "annotation kubernetes.io/ingress.class is {annotation}, and spec.ingressClassName is {name}",
    "The API server refuses an Ingress whose two classes differ. Seaway goes by spec.ingressClassName.",
    "Remove the annotation.",
)
DEFAULT_CLASS_AGAIN = Code(
    "NET0310",
    Severity.WARNING,
    "IngressClass {name} is marked as the default, and so is {winner}, which is taken",
    "Of several default classes the newest is taken, then the first by name: adding one moves every Ingress without a class.",
    "Leave the mark ingressclass.kubernetes.io/is-default-class on one IngressClass.",
)
PUBLISH_SERVICE_MISSING = Code(
    "NET0312",
    Severity.WARNING,
    "{workload}: --publish-service names Service {service}, which does not exist",
    "Ingresses show no address in their status, so that DNS automation publishes nothing.",
    "Name the LoadBalancer Service in front of the controller.",
)
GATEWAY_UNREACHED = Code(
    "NET0313",
    Severity.WARNING,
    "{workload}: no Service of type LoadBalancer or NodePort selects this gateway's pods",
    "It has no address that can be reached from outside the cluster.",
    "Add a Service of type LoadBalancer that selects its pods.",
)
GATEWAY_WITHOUT_PODS = Code(
    "NET0314",
    Severity.WARNING,
    "{workload}: this gateway has no pods",
    "Every Ingress that it claims is unreachable.",
    "Give it at least one replica.",
)

HOST_INVALID = Code(
    "NET0320",
    Severity.ERROR,
    "host {host} is refused: {problem}",
    "The API server refuses the Ingress. Here this host is left out and the others are served.",
    "Write a lower-case DNS name such as shop.example.com, or *.example.com for one label of any name.",
)
PATH_INVALID = Code(
    "NET0321",
    Severity.ERROR,
    "path {path} is refused: {problem}",
    "No request reaches its backend by this path: it is left out, or answers 503 where a request can ask for it. Other paths are served.",
    "Write an absolute path without empty or dot elements, such as /api/v1.",
)
PATH_TYPE_UNKNOWN = Code(
    "NET0322",
    Severity.ERROR,
    "pathType {type} is none of Exact, Prefix and ImplementationSpecific",
    "The API server refuses the Ingress. Here this path answers 503 and the others are served.",
    "Write {nearest}.",
)
PATH_NEEDS_REGEX = Code(
    "NET0323",
    Severity.ERROR,
    "path {path} holds characters of a regular expression, but nothing on host {host} makes paths regular expressions",
    "It would be compared letter by letter and never match. Requests that begin like it and that no other path takes answer 503.",
    "Write a plain path; with rewrite-target in an Ingress of the host, ImplementationSpecific paths are regular expressions.",
)
PATH_REGEX_REFUSED = Code(
    "NET0324",
    Severity.ERROR,
    "path {path} is not a regular expression that Envoy accepts: {problem}",
    "Envoy's RE2 has no look-around, back-references or possessive quantifiers. Requests that begin like this path answer 503.",
    "Rewrite the expression without them, or split the path in several.",
)
PATH_STRICT = Code(
    "NET0325",
    Severity.ERROR,
    "path {path} with pathType {type} holds characters that ingress-nginx refuses (strict-validate-path-type)",
    "Its admission webhook refuses the Ingress: Exact and Prefix paths may hold letters, digits and ./_- only. Here the path answers 503.",
    "Set pathType: ImplementationSpecific if the path is a regular expression, or write a plain path.",
)
PATH_CONFLICT = Code(
    "NET0326",
    Severity.ERROR,
    "host {host}, path {path} ({type}) is already taken by {winner} at {place}",
    "The oldest Ingress wins, then the first by namespace and name: no request reaches this backend by this path.",
    "Remove one of the two, or give them different paths.",
)
RULE_WITHOUT_PATHS = Code(
    "NET0327",
    Severity.WARNING,
    "the rule for host {host} has no paths, and the Ingress has no defaultBackend",
    "Every request to this host answers 404.",
    "Add http.paths to the rule, or spec.defaultBackend.",
)
INGRESS_EMPTY = Code(
    "NET0328",
    Severity.ERROR,
    "the Ingress has neither rules nor a defaultBackend",
    "The API server refuses it, and nothing would be served.",
    "Add spec.rules or spec.defaultBackend.",
)
DEFAULT_BACKEND_SHADOWED = Code(
    "NET0329",
    Severity.NOTE,
    "this defaultBackend does not answer hosts that no rule names: {winner} at {place} does",
    "Only one backend can be the fallback of a gateway. It still answers for the hosts of its own Ingress.",
    "Nothing to do unless both are meant for unknown hosts.",
)
REGEX_SPREADS = Code(
    "NET0330",
    Severity.WARNING,
    "the paths of this Ingress on host {host} are matched as case-insensitive regular expressions that end open",
    "rewrite-target of {winner} at {place} does this to all paths of the host: {path} also takes {path}x, and Exact is no longer exact.",
    "Give the rewritten paths a host of their own.",
)

BACKEND_SERVICE_MISSING = Code(
    "NET0340",
    Severity.ERROR,
    "backend Service {service} {state}",
    "Requests to this path answer 503. An Ingress can use Services of its own namespace only.",
    "Add the Service to namespace {namespace}, or correct the name{hint}.",
)
BACKEND_PORT_MISSING = Code(
    "NET0341",
    Severity.ERROR,
    "Service {service} has no port {port}",
    "Requests to this path answer 503.",
    "Use a port that the Service has: {ports}.",
)
BACKEND_EXTERNAL_NAME = Code(
    "NET0342",
    Severity.ERROR,
    "backend Service {service} is of type ExternalName",
    "A name outside the cluster is no backend here: requests to this path answer 503.",
    "Use a Service with a selector, or one with an EndpointSlice that holds the addresses.",
)
BACKEND_RESOURCE = Code(
    "NET0343",
    Severity.ERROR,
    "backend {kind} {name} is not a Service",
    "Resource backends are not served: requests to this path answer 503.",
    "Use backend.service.",
)
BACKEND_UNCLEAR = Code(
    "NET0344",
    Severity.ERROR,
    "the backend is refused: {problem}",
    "The API server refuses the Ingress. Here this path answers 503 and the others are served.",
    "Give backend.service a name and either port.number or port.name.",
)
BACKEND_PORT_NOT_TCP = Code(
    "NET0345",
    Severity.ERROR,
    "port {port} of Service {service} is {protocol}",
    "HTTP needs TCP: requests to this path answer 503.",
    "Use a TCP port of the Service.",
)
BACKEND_TARGET_PORT = Code(
    "NET0346",
    Severity.WARNING,
    "Service {service} has no port {port}; the targetPort of its port {used} is, and ingress-nginx takes it",
    "Other controllers answer 503: an Ingress names a port of the Service, not of the pods.",
    "Write port number {used}.",
)

ANNOTATION_NOT_YET = Code(
    "NET0350",
    Severity.WARNING,
    "annotation {name} is not yet honoured",
    "Traffic is served without it, so it behaves otherwise than with ingress-nginx.",
    "Test what depends on it elsewhere for now.",
)
ANNOTATION_NO_EFFECT = Code(
    "NET0351",
    Severity.NOTE,
    "annotation {name} has no effect here",
    "It tunes nginx itself (buffers, temporary files, logs) and changes no answer.",
    "Nothing to do.",
)
ANNOTATION_UNKNOWN = Code(
    "NET0352",
    Severity.WARNING,
    "annotation {name} is unknown{hint}",
    "ingress-nginx ignores it without a word, and so does Seaway.",
    "Correct the spelling, or remove it.",
)
ANNOTATION_REFUSED = Code(
    "NET0353",
    Severity.ERROR,
    "annotation {name} is refused: {problem}",
    "What it holds may protect the paths of this Ingress, so that they answer 503 rather than being served without it.",
    "Remove it; say what it did with plain annotations or in the application.",
)
GUARD_NOT_YET = Code(
    "NET0354",
    Severity.ERROR,
    "annotation {name} restricts who may enter and is not yet honoured",
    "Without it anyone could: the paths of this Ingress answer 503 rather than being served open.",
    "Remove it to serve the paths without this protection.",
)
ANNOTATION_BAD_VALUE = Code(
    "NET0355",
    Severity.WARNING,
    "annotation {name}: {value} is not {wanted}",
    "ingress-nginx uses the default ({default}) instead, and so does Seaway.",
    "Write {wanted}.",
)
REWRITE_REFUSED = Code(
    "NET0356",
    Severity.ERROR,
    "rewrite-target {value} is refused: {problem}",
    "ingress-nginx drops it and serves the paths without a rewrite, and so does Seaway.",
    "Use letters, digits and . _ ~ - / : with $1 to $9 for the groups of the path, such as /$2.",
)
REWRITE_UNUSABLE = Code(
    "NET0357",
    Severity.ERROR,
    "rewrite-target {value} cannot be served: {problem}",
    "Rewritten otherwise, requests would reach the wrong place: the paths of this Ingress answer 503.",
    "Begin it with a slash, or with http:// or https:// and a host for a redirect; only $1 to $9 are replaced.",
)
REWRITE_FLATTENS = Code(
    "NET0358",
    Severity.WARNING,
    "rewrite-target {value} without a group: every request below {path} reaches the backend as {value}",
    "{path}/one and {path}/two arrive as the same request: the rest of the path is lost.",
    "Write path: {path}(/|$)(.*) with pathType: ImplementationSpecific, and rewrite-target: {better}.",
)
REWRITE_GROUP_MISSING = Code(
    "NET0359",
    Severity.WARNING,
    "rewrite-target {value} uses ${group}, and path {path} has {count} groups",
    "The missing group is replaced by nothing.",
    "Add the group to the path, as in /app(/|$)(.*), or correct the number.",
)
CERT_MANAGER = Code(
    "NET0360",
    Severity.NOTE,
    "annotation {name}: no certificate is issued yet",
    "cert-manager would issue one into the Secrets of spec.tls; until they exist the default certificate is served.",
    "Add the Secret to the manifests.",
)
CANARY_NOT_YET = Code(
    "NET0361",
    Severity.WARNING,
    "canary Ingresses are not yet honoured",
    "All requests go to the main Ingress of the same host and path; this one gets none.",
    "Test the canary's share of traffic elsewhere for now.",
)
REWRITE_SAME = Code(
    "NET0362",
    Severity.NOTE,
    "rewrite-target {value} equals path {path} of host {host} and is ignored there",
    "The annotation holds for all paths of the Ingress; controllers that apply it here too serve every page of the host as {value}.",
    "Move the paths that need the rewrite to an Ingress of their own.",
)

SECRET_MISSING = Code(
    "NET0370",
    Severity.ERROR,
    "TLS Secret {secret} {state}",
    _DEFAULT_CERTIFICATE,
    "Add a Secret of type kubernetes.io/tls with that name; only the Ingress's own namespace is looked in.",
)
SECRET_NAME_INVALID = Code(
    "NET0371",
    Severity.ERROR,
    "{name} is not the name of a Secret",
    "Names are lower-case DNS names; a Secret of another namespace cannot be named. " + _DEFAULT_CERTIFICATE,
    "Name a Secret of the same namespace.",
)
SECRET_TYPE = Code(
    "NET0372",
    Severity.WARNING,
    "Secret {secret} is of type {type} and is used for TLS",
    "ingress-nginx accepts it; others do not, and the API server does not check that it holds a certificate and a key.",
    "Set type: kubernetes.io/tls.",
)
SECRET_KEY_MISSING = Code(
    "NET0373",
    Severity.ERROR,
    "Secret {secret} has no {key}",
    _DEFAULT_CERTIFICATE,
    "Put the certificate chain into tls.crt and the private key into tls.key.",
)
CERTIFICATE_UNREADABLE = Code(
    "NET0375",
    Severity.ERROR,
    "{key} of Secret {secret} cannot be read: {problem}",
    _DEFAULT_CERTIFICATE,
    "Use PEM: one or more CERTIFICATE blocks in tls.crt, one unencrypted private key in tls.key.",
)
KEY_MISMATCH = Code(
    "NET0377",
    Severity.ERROR,
    "Secret {secret}: the private key does not belong to the first certificate{hint}",
    "No server can use the pair. " + _DEFAULT_CERTIFICATE,
    "Put the certificate that was issued for this key first, then its issuers.",
)
CHAIN_ORDER = Code(
    "NET0378",
    Severity.WARNING,
    "Secret {secret}: certificate {position} of the chain did not issue the one before it",
    "Clients that do not search for issuers themselves refuse the connection.",
    "Order the chain: the server's certificate, its issuer, that one's issuer.",
)
KEY_UNSUPPORTED = Code(
    "NET0379",
    Severity.ERROR,
    "Secret {secret}: {problem}",
    "Envoy refuses it. " + _DEFAULT_CERTIFICATE,
    "Issue a certificate for an ECDSA key on P-256 or an RSA key of 2048 bits.",
)
CERTIFICATE_EXPIRED = Code(
    "NET0380",
    Severity.WARNING,
    "the certificate of Secret {secret} expired at {when}",
    "It is served, and clients refuse it.",
    "Renew it.",
)
CERTIFICATE_HOST = Code(
    "NET0381",
    Severity.WARNING,
    "the certificate of Secret {secret} is not for {host}, but for {names}",
    "ingress-nginx does not serve it for this host. " + _DEFAULT_CERTIFICATE,
    "Issue a certificate that names {host}.",
)
TLS_HOST_WITHOUT_RULE = Code(
    "NET0382",
    Severity.WARNING,
    "tls names host {host}, and no rule of this Ingress does",
    "The entry has no effect: the certificate is not served for it.",
    "Add a rule for the host, or remove it from tls.",
)
TLS_HOST_UNLISTED = Code(
    "NET0383",
    Severity.WARNING,
    "host {host} is in no entry of tls, but another part of the Ingress has TLS",
    "Plain HTTP to it is redirected to HTTPS all the same. " + _DEFAULT_CERTIFICATE,
    "Add it to the hosts of an entry of tls, or move its rule to an Ingress without tls.",
)
TLS_CONFLICT = Code(
    "NET0384",
    Severity.WARNING,
    "TLS of host {host} is decided by {winner} at {place}: this entry's certificate is not served",
    "A host has one certificate: the oldest Ingress of the host that has tls decides.",
    "Name the same Secret in both, or keep tls in one of them.",
)
TLS_HOST_INVALID = Code(
    "NET0385",
    Severity.ERROR,
    "tls host {host} is refused: {problem}",
    "The API server refuses the Ingress. Here this name is left out.",
    "Write a lower-case DNS name such as shop.example.com, or *.example.com for one label of any name.",
)
KEY_UNUSUAL = Code(
    "NET0386",
    Severity.WARNING,
    "Secret {secret} holds an Ed25519 key",
    "Envoy serves it, but no browser accepts such a certificate.",
    "Use an ECDSA key on P-256 unless all clients are known to accept Ed25519.",
)
